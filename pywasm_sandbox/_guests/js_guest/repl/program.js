// `node script.js`, `-e code`, `-p code`, `-`: one program in an engine of its own.

import native from 'pywasm:native';
import { builtins } from '../node/builtins.js';
import { checkMain, runMain } from '../node/modules.js';
import { runNpm } from '../npm/main.js';
import { inspect } from '../packages.js';
import { registerSourceMap } from '../typescript/source_maps.js';
import { parseCommandLine, USAGE, UsageError } from './command_line.js';
import { describeFatal, rememberSource } from './errors.js';
import { defineGlobals } from './globals.js';
import { abandon, begin } from './loop.js';
import { rewriteModuleSyntax } from './module_syntax.js';
import { process } from './process.js';
import { connectStandardStreams, readAll } from './standard_streams.js';
import { hasWork, runTicks } from './timers.js';
import { isWatching } from './watches.js';
import { call, emitDone } from './wire.js';

const AWAITS = 1;
const IS_CELL = 2; // for a value
const MODULE_WORDS = /\b(?:import|export)\b/;
const UNSETTLED = 13; // Node's exit code of an await that nothing settles
const BAD_OPTION = 9;
const FAILED = 1;

const exitCode = () => Number(process.exitCode ?? 0) | 0;

class ProgramRun {
  isOver = false;
  isPending = false;
  #code = null;
  #hasSaidExit = false;

  start(step) {
    let result;
    try {
      result = step();
    } catch (error) {
      this.onUncaught(error);
    }
    if (native.promiseDetails(result) !== undefined) this.#follow(result);
    runTicks();
  }

  async #follow(promise) {
    this.isPending = true;
    try {
      await promise;
    } catch (error) {
      this.isPending = false;
      this.onUncaught(error);
    }
    this.isPending = false;
  }

  onRejection(reason, promise) {
    if (process.listenerCount('unhandledRejection') > 0) this.#hand('unhandledRejection', reason, promise);
    else this.onUncaught(reason, 'unhandledRejection');
  }

  onUncaught(error, origin = 'uncaughtException') {
    if (this.isOver) return;
    if (process.listenerCount('uncaughtExceptionMonitor') > 0) process.emit('uncaughtExceptionMonitor', error, origin);
    if (process.listenerCount('uncaughtException') > 0) this.#hand('uncaughtException', error, origin);
    else this.fail(error, origin);
  }

  #hand(event, ...args) {
    try {
      process.emit(event, ...args);
    } catch (error) {
      this.fail(error);
    }
  }

  fail(error, origin) {
    if (this.isOver) return;
    native.limitMemory(0); // the report is no reason to fail
    native.print(2, `${describeFatal(error, origin === 'unhandledRejection')}\n\nNode.js ${process.version}\n`);
    this.#end(FAILED);
  }

  #end(code) {
    this.isOver = true;
    this.isPending = false;
    this.#code = code;
    process.exitCode = code;
    abandon();
  }

  onDeadlock() {
    native.print(2, 'Warning: Detected unsettled top-level await\n');
    this.#end(UNSETTLED);
  }

  onIdle() {
    if (process.listenerCount('beforeExit') > 0) this.#hand('beforeExit', exitCode());
    return !this.isOver && (runTicks() || hasWork() || isWatching());
  }

  // `process.exit`, which has said so, or the host stopped it.
  stop(name) {
    this.isOver = true;
    this.#hasSaidExit = true;
    this.#code = name === null ? exitCode() : 130;
    abandon();
  }

  finish = () => {
    if (!this.#hasSaidExit) {
      this.#hasSaidExit = true;
      try {
        process.emit('exit', this.#code ?? exitCode());
        this.#code = exitCode();
      } catch (error) {
        native.print(2, `${inspect(error)}\n`);
        this.#code = FAILED;
      }
    }
    emitDone('exit', this.#code & 0xff);
  };
}

// Code in no file: a promise of `{ value }`.
function evaluate(source, filename, isTyped) {
  rememberSource(filename, source);
  let code = source;
  if (isTyped) {
    const compiled = call('transpile', { source, filename: `/${filename}.ts` });
    if (compiled.error !== null) throw new SyntaxError(`${filename}:${compiled.error.line}: ${compiled.error.message}`);
    code = compiled.code;
    if (compiled.source_map) registerSourceMap(filename, compiled.source_map);
  }
  if (MODULE_WORDS.test(code)) code = rewriteModuleSyntax(code);
  return native.evaluate(code, filename, AWAITS | IS_CELL);
}

async function loadFirst(before, require) {
  for (const { name, isModule } of before) {
    const path = /^\.{1,2}\//.test(name) ? builtins.path.resolve(name) : name;
    if (isModule) await import(path);
    else require(path);
  }
}

function carryOut({ kind, value, args, isTyped }) {
  const node = process.execPath;
  switch (kind) {
    case 'file':
      process.argv = [node, builtins.path.resolve(value), ...args];
      return runMain(value);
    case 'check':
      return checkMain(value);
    case 'stdin':
      process.argv = value === null ? [node] : [node, value, ...args];
      return evaluate(readAll().toString(), '[stdin]', isTyped);
    case 'print':
      process.argv = [node, ...args];
      return evaluate(value, '[eval]', isTyped).then((result) => console.log(result.value));
    default:
      process.argv = [node, ...args];
      return evaluate(value, '[eval]', isTyped);
  }
}

const CELLS_ONLY = ['display', 'prompt'];
const OF_MODULES = ['require', 'module', 'exports'];

// Code in no file is a CommonJS module of this name.
function nameModule(name) {
  const { module } = globalThis;
  module.id = name;
  module.filename = builtins.path.resolve(name);
  defineGlobals({ __filename: name, __dirname: '.' });
}

function prepare(asked) {
  const { require } = globalThis;
  process.execArgv = asked.options;
  for (const name of asked.kind === 'file' ? [...CELLS_ONLY, ...OF_MODULES] : CELLS_ONLY) delete globalThis[name];
  if (asked.kind !== 'file') nameModule(asked.kind === 'stdin' ? '[stdin]' : '[eval]');
  if (asked.before.length === 0) return carryOut(asked);
  return loadFirst(asked.before, require).then(() => carryOut(asked));
}

export function runProgram({ argv, pid, ppid }) {
  Object.assign(process, { pid, ppid });
  connectStandardStreams();
  const run = new ProgramRun();
  begin(run);
  if (/(?:^|\/)np[mx]$/.test(argv[0])) {
    run.start(() => {
      process.exitCode = runNpm(argv);
    });
    return;
  }
  let asked;
  try {
    asked = parseCommandLine(argv);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    native.print(2, `node: ${error.message}\n`);
    process.exitCode = BAD_OPTION;
    return;
  }
  if (asked.kind === 'version') native.print(1, `${process.version}\n`);
  else if (asked.kind === 'help') native.print(1, USAGE);
  else run.start(() => prepare(asked));
}
