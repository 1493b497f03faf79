// The main module of the instances that compile with TypeScript's own compiler, a script of the build's.

import native from 'pywasm:native';

const SCRIPT = '/usr/lib/pywasm-js/typescript.js';
const ANSWER = 1;
const SAMPLE = 'enum E { A }\n@d class C { @d m(x: number): JSX.Element { return <p id="a">{x}</p> } }\n';

const bytes = native.readFile(SCRIPT);
native.evaluate(native.decode(bytes, 0, bytes.length, true), SCRIPT, 0);
const { compileTypeScript } = globalThis;

// What the compiler throws is a stack that overflowed, or memory that is out.
function answer(request) {
  try {
    return compileTypeScript(request);
  } catch (error) {
    return JSON.stringify({ failure: String(error?.message ?? error) });
  }
}

function handle(text) {
  const { op } = JSON.parse(text);
  if (op === 'compile') {
    native.emit(ANSWER, answer(text));
  } else if (op === 'settle') {
    answer(JSON.stringify({ source: SAMPLE, filename: 'sample.tsx', elideImports: false }));
    native.freeze();
  }
}

native.setHooks(
  handle,
  () => -1,
  (reason, isExit, error) => {
    throw error ?? new Error(`stopped (${reason})`);
  },
);
