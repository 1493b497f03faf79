import { nothing } from './lib/half.mjs'; console.log(nothing);
