// The globals of the cells that Node and this sandbox add to the web platform's.

import { builtins, makeRequire, installLoader, Module } from '../node/modules.js';
import { Console } from './console.js';
import { display } from './display.js';
import { defineGlobals } from './globals.js';
import { completeProcess } from './process.js';
import { prompt } from './prompt.js';
import { host } from './tools.js';

completeProcess(builtins);
installLoader();

const main = new Module('<repl>', null);
main.filename = null;
main.paths = [];

defineGlobals({
  Buffer: builtins.buffer.Buffer,
  console: new Console(),
  display,
  exports: main.exports,
  host,
  module: main,
  prompt,
  require: makeRequire(main),
});
