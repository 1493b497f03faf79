import fs, { readFileSync } from 'node:fs';
import { half } from './lib/half.mjs';
import old from './lib/old.cjs';
const data = await Promise.resolve(JSON.parse(readFileSync(new URL('./data.json', import.meta.url), 'utf8')));
console.log(half(data.n), old.name, typeof require, typeof module, fs.existsSync('args.js'), import.meta.url.endsWith('/main.mjs'));
