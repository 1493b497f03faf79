// node:util: the package's functions, with Node's own inspect, and what came later.

import { assert, format, formatWithOptions, inspect, stripVTControlCharacters, util } from '../packages.js';
import { codedError, invalidArgument, systemErrors } from './errors.js';
import { MIMEParams, MIMEType } from './mime.js';
import { parseArgs } from './parse_args.js';
import { types } from './types.js';

function isDeepStrictEqual(one, other) {
  try {
    assert.deepStrictEqual(one, other);
    return true;
  } catch {
    return false;
  }
}

const warned = new Set();

function deprecate(method, message, code) {
  const identity = code ?? {};
  return function deprecated(...args) {
    if (!warned.has(identity)) {
      warned.add(identity);
      process.emitWarning(message, 'DeprecationWarning');
    }
    return new.target ? Reflect.construct(method, args, new.target) : Reflect.apply(method, this, args);
  };
}

function debuglog() {
  const log = () => {};
  log.enabled = false;
  return log;
}

function styleText(format, text) {
  let result = String(text);
  for (const name of [format].flat()) {
    const codes = inspect.colors[name];
    if (codes === undefined) {
      throw codedError(TypeError, 'ERR_INVALID_ARG_VALUE', `The argument 'format' must be one of: ${Object.keys(inspect.colors).map((each) => `'${each}'`).join(', ')}. Received '${name}'`);
    }
    result = `\u001b[${codes[0]}m${result}\u001b[${codes[1]}m`;
  }
  return result;
}

function inherits(constructor, parent) {
  if (typeof constructor !== 'function') throw invalidArgument('ctor', 'of type function', constructor);
  if (typeof parent !== 'function') throw invalidArgument('superCtor', 'of type function', parent);
  Object.defineProperty(constructor, 'super_', { value: parent, writable: true, configurable: true });
  Object.setPrototypeOf(constructor.prototype, parent.prototype);
}

const customPromisify = Symbol.for('nodejs.util.promisify.custom');

function promisify(original) {
  if (typeof original !== 'function') throw invalidArgument('original', 'of type function', original);
  if (original[customPromisify]) return original[customPromisify];
  const promised = function (...args) {
    return new Promise((resolve, reject) => {
      original.call(this, ...args, (error, ...values) => (error ? reject(error) : resolve(values[0])));
    });
  };
  Object.setPrototypeOf(promised, Object.getPrototypeOf(original));
  return Object.defineProperties(promised, { ...Object.getOwnPropertyDescriptors(original), [customPromisify]: { value: promised } });
}
promisify.custom = customPromisify;

const getSystemErrorMap = () => new Map(systemErrors);

function getSystemErrorName(number) {
  if (typeof number !== 'number') throw invalidArgument('err', 'of type number', number);
  return getSystemErrorMap().get(number)?.[0] ?? `Unknown system error ${number}`;
}

const ENV_LINE = /^[ \t]*(?:export[ \t]+)?([\w.-]+)[ \t]*=[ \t]*(?:"((?:\\.|[^"])*)"|'([^']*)'|`([^`]*)`|([^\n#]*))?[^\n]*$/gm;

// The variables of a file such as `.env`.
export function parseEnv(content) {
  if (typeof content !== 'string') throw invalidArgument('content', 'of type string', content);
  const found = {};
  for (const [, name, double, single, tick, plain] of content.replaceAll('\r\n', '\n').matchAll(ENV_LINE)) {
    found[name] = double?.replaceAll('\\n', '\n') ?? single ?? tick ?? plain?.trim() ?? '';
  }
  return found;
}

export default {
  _extend: (target, source) => Object.assign(target, source),
  callbackify: util.callbackify,
  aborted: (signal) => new Promise((resolve) => (signal.aborted ? resolve() : signal.addEventListener('abort', () => resolve(), { once: true }))),
  debug: debuglog,
  debuglog,
  deprecate,
  format,
  formatWithOptions,
  getSystemErrorMap,
  getSystemErrorName,
  inherits,
  inspect,
  isArray: Array.isArray,
  isBoolean: util.isBoolean,
  isBuffer: util.isBuffer,
  isDate: util.isDate,
  isDeepStrictEqual,
  isError: util.isError,
  isFunction: util.isFunction,
  isNull: util.isNull,
  isNullOrUndefined: util.isNullOrUndefined,
  isNumber: util.isNumber,
  isObject: util.isObject,
  isPrimitive: util.isPrimitive,
  isRegExp: util.isRegExp,
  isString: util.isString,
  isSymbol: util.isSymbol,
  isUndefined: util.isUndefined,
  log: util.log,
  MIMEParams,
  MIMEType,
  parseArgs,
  parseEnv,
  promisify,
  stripVTControlCharacters,
  styleText,
  TextDecoder: globalThis.TextDecoder,
  TextEncoder: globalThis.TextEncoder,
  transferableAbortController: () => new AbortController(),
  transferableAbortSignal: (signal) => signal,
  toUSVString: (text) => String(text).toWellFormed(),
  types,
};
