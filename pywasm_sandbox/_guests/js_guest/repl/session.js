// Answers the host's messages: `handle` is what the engine calls with each.

import native from 'pywasm:native';
import { evaluate } from './cell.js';
import { showResult } from './display.js';
import { describe, describeStop, rememberSource } from './errors.js';
import { abandon, begin, current } from './loop.js';
import { deleteProperty, ErrorType, keys, max, parse, setProperty, whenSettled } from './primordials.js';
import { environment, process, renewProcess } from './process.js';
import { runProgram } from './program.js';
import { runTicks } from './timers.js';
import { emitDone, emitError } from './wire.js';
import { allowMissingImports } from './module_syntax.js';
import { registerSourceMap } from '../typescript/source_maps.js';
import '../typescript/transpile.js';

const REASONS = {
  __proto__: null,
  1: ['ExecutionTimeout', 'the cell ran longer than its timeout'],
  3: ['OutputLimitExceeded', "the cell's output went over its limit"],
  4: ['KeyboardInterrupt', 'a callback of the caller failed'],
  5: ['CpuLimitExceeded', 'the sandbox used up its CPU time'],
  6: ['LifetimeExceeded', "the sandbox's lifetime is over"],
};

const INTERRUPTED = ['KeyboardInterrupt', 'interrupted'];

const MEMORY_TO_RECOVER = 2 << 20; // what a cell gets after one that filled the heap

const FULFILLED = 1;

let heapBytes = 0;

let isAnswered = true; // whether the last request that runs code had its `done`

// ---- what every clone renews, and what is set for it

function configure({ env, cwd, clone, heap_bytes: limit }) {
  const variables = environment();
  const names = keys(variables);
  for (let i = 0; i < names.length; i++) deleteProperty(variables, names[i]);
  assign(variables, env);
  native.chdir(cwd);
  if (limit !== undefined) heapBytes = limit;
  if (clone) renew();
}

function assign(variables, values) {
  const names = keys(values);
  for (let i = 0; i < names.length; i++) setProperty(variables, names[i], values[names[i]]);
}

function renew() {
  native.renew();
  renewProcess();
}

// ---- one cell

class Run {
  isPending = true;
  isOver = false;

  constructor(message) {
    this.code = message.code;
    this.filename = message.filename ?? '<cell ' + message.execution_count + '>';
    rememberSource(this.filename, message.source ?? message.code); // of which the code is made
    if (message.source_map) registerSourceMap(this.filename, message.source_map);
    allowMissingImports(message.source !== undefined);
    this.surroundings = enter(message);
    this.failure = null;
    this.exitCode = null;
    this.status = 'ok';
  }

  start() {
    let promise;
    try {
      promise = evaluate(this.code, this.filename);
    } catch (error) {
      this.fail(error);
      return;
    }
    const details = native.promiseDetails(promise);
    if (details[0] === FULFILLED) {
      this.settle(details[1].value);
    } else {
      whenSettled(
        promise,
        ({ value }) => this.settle(value),
        (error) => this.fail(error),
      );
    }
    runTicks();
  }

  settle(value) {
    if (this.isOver) return;
    if (typeof value === 'object' && native.promiseDetails(value) !== undefined) {
      whenSettled(
        value,
        (result) => this.settle(result),
        (error) => this.fail(error),
      );
      return;
    }
    let shown;
    try {
      shown = showResult(value);
    } catch (error) {
      this.fail(error);
      return;
    }
    if (shown === undefined) {
      this.isPending = false;
      return;
    }
    shown.then(
      () => {
        this.isPending = false;
      },
      (error) => this.fail(error),
    );
  }

  fail(error) {
    if (this.isOver) return;
    this.isOver = true;
    this.isPending = false;
    this.status = 'error';
    native.limitMemory(0); // the report is no reason to fail
    abandon();
    emitError(describe(error, this.filename));
  }

  onRejection(reason, promise) {
    if (process.listenerCount('unhandledRejection') > 0) this.#hand('unhandledRejection', reason, promise);
    else this.onUncaught(reason);
  }

  onUncaught(error) {
    if (process.listenerCount('uncaughtException') > 0) this.#hand('uncaughtException', error, 'uncaughtException');
    else this.fail(error);
  }

  #hand(event, ...args) {
    try {
      process.emit(event, ...args);
    } catch (error) {
      this.fail(error);
    }
  }

  onDeadlock() {
    const error = new ErrorType('the cell awaits a promise that nothing is left to settle');
    error.name = 'UnsettledAwaitError';
    error.stack = error.name + ': ' + error.message;
    this.fail(error);
  }

  stop(name, message, error) {
    this.isOver = true;
    abandon();
    if (name === null) {
      this.status = 'exit';
      this.exitCode = takeExitCode();
      return;
    }
    this.status = 'error';
    emitError(describeStop(name, message, error, this.filename));
  }

  finish = () => {
    try {
      leave(this.surroundings);
    } catch {
      // the user's own `process` refuses
    }
    emitDone(this.status, this.exitCode);
    isAnswered = true;
  };
}

function takeExitCode() {
  try {
    const code = (process.exitCode ?? 0) | 0;
    process.exitCode = undefined;
    return code;
  } catch {
    return 1; // it is no number
  }
}

function enter({ env, cwd }) {
  if (!env && !cwd) return null;
  const before = { env: { __proto__: null }, cwd: null };
  if (env) {
    const variables = environment();
    const names = keys(env);
    for (let i = 0; i < names.length; i++) before.env[names[i]] = variables[names[i]];
    assign(variables, env);
  }
  if (cwd) {
    before.cwd = native.getcwd();
    native.chdir(cwd);
  }
  return before;
}

function leave(surroundings) {
  if (surroundings === null) return;
  const { env, cwd } = surroundings;
  const variables = environment();
  const names = keys(env);
  for (let i = 0; i < names.length; i++) {
    const name = names[i];
    if (env[name] === undefined) deleteProperty(variables, name);
    else setProperty(variables, name, env[name]);
  }
  if (cwd !== null) native.chdir(cwd);
}

function execute(message) {
  native.setAsyncContext(undefined);
  native.limitMemory(heapBytes === 0 ? 0 : max(heapBytes, native.heapSize() + MEMORY_TO_RECOVER));
  const run = new Run(message);
  begin(run);
  run.start();
}

// ---- before an image is made

const REHEARSAL = { code: '1+1', execution_count: 0, filename: '<rehearsal>' };

function settle() {
  execute(REHEARSAL);
  const run = current();
  const { finish } = run;
  run.finish = () => {
    native.freeze();
    finish();
  };
}

export function handle(text) {
  isAnswered = false;
  const message = parse(text);
  switch (message.op) {
    case 'execute':
      return execute(message);
    case 'configure':
      return configure(message);
    case 'renew':
      return renew();
    case 'settle':
      return settle();
    case 'program':
      return runProgram(message);
    default:
      throw new ErrorType('unknown operation ' + message.op);
  }
}

// The engine was stopped: by the host (`reason`; the error says where), by `process.exit` (`isExit`), or by
// an error of a job.
export function stopped(reason, isExit, error) {
  const run = current();
  const why = REASONS[reason] ?? INTERRUPTED;
  const name = why[0];
  const text = why[1];
  if (run === null) {
    if (reason === 0) throw error ?? new ErrorType('stopped outside of a run');
    if (isAnswered) return; // it came when all was said
    emitError({ name, message: text, traceback: [name + ': ' + text], line_number: null });
    emitDone('error', null);
    isAnswered = true;
    return;
  }
  if (reason !== 0) run.stop(name, text, error);
  else if (isExit) run.stop(null);
  else run.fail(error);
  begin(null);
  run.finish();
}
