// From values to MIME bundles, and the functions that show them.

import { inspect } from '../packages.js';
import { is, parse, stringify } from './primordials.js';
import { Immediate, Timeout } from './timers.js';
import { emitClear, emitDisplay, emitSimple } from './wire.js';

const MAX_JSON = 1 << 20; // characters; an object whose JSON is longer has only a text
const MAX_REPR = 1 << 16;
const BUNDLE = Symbol.for('Jupyter.display'); // as Deno has it

const toBase64 = (data) => {
  if (typeof data === 'string') return data.replace(/^data:[^,]*;base64,/, '');
  if (data instanceof ArrayBuffer) return new Uint8Array(data).toBase64();
  if (!ArrayBuffer.isView(data)) throw new TypeError('an image is a string in base64, an ArrayBuffer or a typed array');
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength).toBase64();
};

const isText = (mime) => mime.startsWith('text/') || mime === 'image/svg+xml' || mime === 'application/javascript';
const isBinary = (mime) => !isText(mime) && (mime.startsWith('image/') || mime === 'application/pdf');

// A bundle that a user made: text types hold text, images base64, all else JSON.
function checkBundle(bundle) {
  const data = {};
  for (const [mime, value] of Object.entries(bundle)) {
    if (value === undefined || value === null) continue;
    if (isText(mime)) data[mime] = String(value);
    else if (isBinary(mime)) data[mime] = toBase64(value);
    else data[mime] = parse(stringify(value) ?? 'null');
  }
  return data;
}

const HAS_NO_JSON = [Map, Set, WeakMap, WeakSet, Date, RegExp, Promise, Error, ArrayBuffer, DataView, Boolean, Number, String];
HAS_NO_JSON.push(Timeout, Immediate);

function jsonOf(value) {
  if (typeof value !== 'object' || ArrayBuffer.isView(value)) return undefined;
  if (HAS_NO_JSON.some((type) => value instanceof type)) return undefined;
  try {
    const text = stringify(value);
    return text === undefined || text.length > MAX_JSON ? undefined : parse(text);
  } catch {
    return undefined; // it is circular, has a BigInt, or refuses
  }
}

function describePlain(value) {
  if (typeof value === 'string') {
    const metadata = value.length <= MAX_REPR ? { 'text/plain': { repr: inspect(value) } } : {};
    return { __proto__: null, data: { 'text/plain': value }, metadata };
  }
  const data = { 'text/plain': inspect(value) };
  const json = value === null ? undefined : jsonOf(value);
  if (json !== undefined) data['application/json'] = json;
  return { __proto__: null, data, metadata: {} };
}

// A promise where the object's own method gives one.
function describe(value) {
  const isObject = (typeof value === 'object' && value !== null) || typeof value === 'function';
  const method = isObject ? value[BUNDLE] : undefined;
  if (typeof method !== 'function') return describePlain(value);
  const made = method.call(value);
  const finish = (bundle) => {
    const data = checkBundle(bundle ?? {});
    if (data['text/plain'] === undefined) data['text/plain'] = inspect(value);
    return { data, metadata: {} };
  };
  return typeof made?.then === 'function' ? made.then(finish) : finish(made);
}

function emit(described, options) {
  if (typeof described?.then === 'function') return described.then((bundle) => emit(bundle, options));
  emitDisplay(described.data, described.metadata, options);
  return undefined;
}

// Shows a cell's last value; a promise if that takes a while.
export function showResult(value) {
  if (typeof value === 'number' || typeof value === 'boolean') {
    emitSimple(is(value, -0) ? '-0' : '' + value);
    return undefined;
  }
  return value === undefined || value === null ? undefined : emit(describe(value), { main: true });
}

const optionsOf = ({ displayId, update = false } = {}) => (displayId === undefined ? {} : { display_id: String(displayId), update });

// display(value, {raw, displayId, update}): show it in every form that it has; `raw` is a bundle itself.
export function display(value, options = {}) {
  const described = options.raw ? { data: checkBundle(value), metadata: options.metadata ?? {} } : describe(value);
  return emit(described, optionsOf(options));
}

// For `display.html(text)` as for display.html`text ${value}`.
const textOf = (first, values) =>
  Array.isArray(first) && Object.hasOwn(first, 'raw') ? String.raw({ raw: first }, ...values) : String(first);

const showsText = (mime) =>
  function (first, ...values) {
    emitDisplay({ [mime]: textOf(first, values) });
  };

const showsBytes = (mime) =>
  function (data, options) {
    emitDisplay({ [mime]: toBase64(data) }, {}, optionsOf(options));
  };

Object.assign(display, {
  html: showsText('text/html'),
  markdown: showsText('text/markdown'),
  md: showsText('text/markdown'),
  svg: showsText('image/svg+xml'),
  latex: showsText('text/latex'),
  javascript: showsText('application/javascript'),
  text: showsText('text/plain'),
  png: showsBytes('image/png'),
  jpeg: showsBytes('image/jpeg'),
  pdf: showsBytes('application/pdf'),
  json(value) {
    emitDisplay({ ...describePlain(value).data, ...checkBundle({ 'application/json': value }) });
  },
  raw(bundle, metadata = {}) {
    emitDisplay(checkBundle(bundle), metadata);
  },
  clear({ wait = false } = {}) {
    emitClear(Boolean(wait));
  },
  symbol: BUNDLE,
});
