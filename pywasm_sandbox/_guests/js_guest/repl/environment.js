// The globals of the cells: the web platform's from the prelude, then Node's.

import native from 'pywasm:native';
import { Console } from './console.js';
import * as timers from './timers.js';
import { process } from './process.js';
import { display } from './display.js';

const PRELUDE = '/usr/lib/pywasm-js/prelude.js';

// The prelude is a script, which finds the way to the host in a global.
function runPrelude() {
  globalThis.__host = {
    request: native.request,
    encode: native.encode,
    decode: native.decode,
    digest: native.digest,
    dontWait: native.dontWait,
    receive: native.receive,
    transmit: native.transmit,
    close: native.close,
    randomFill: (buffer, offset, length) => native.fillRandom(new Uint8Array(buffer, offset, length)),
  };
  const bytes = native.readFile(PRELUDE);
  native.evaluate(native.decode(bytes, 0, bytes.length, true), PRELUDE, 0);
  delete globalThis.__host;
}

export function defineGlobals(values) {
  for (const [name, value] of Object.entries(values)) {
    Object.defineProperty(globalThis, name, { value, writable: true, enumerable: false, configurable: true });
  }
}

const { setTimeout, clearTimeout, setInterval, clearInterval, setImmediate, clearImmediate, queueMicrotask } = timers;

defineGlobals({
  global: globalThis,
  console: new Console(),
  process,
  display,
  setTimeout,
  clearTimeout,
  setInterval,
  clearInterval,
  setImmediate,
  clearImmediate,
  queueMicrotask,
});

runPrelude();
