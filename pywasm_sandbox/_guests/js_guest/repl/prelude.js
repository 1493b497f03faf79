// Runs the prelude, the web platform's globals: a script, which finds the way to the host in a global.

import native from 'pywasm:native';

const PRELUDE = '/usr/lib/pywasm-js/prelude.js';

globalThis.__host = {
  request: native.request,
  encode: native.encode,
  decode: native.decode,
  dontWait: native.dontWait,
  receive: native.receive,
  transmit: native.transmit,
  close: native.close,
};
const bytes = native.readFile(PRELUDE);
native.evaluate(native.decode(bytes, 0, bytes.length, true), PRELUDE, 0);
delete globalThis.__host;
