// `host`: the functions that the host exposes, `host.lookup('key')`. They return when the host's function does.

import { call } from './wire.js';

const BYTES = '__pywasm_bytes__';
const inspectCustom = Symbol.for('nodejs.util.inspect.custom');

function encode(value) {
  if (value instanceof ArrayBuffer) value = new Uint8Array(value);
  if (ArrayBuffer.isView(value)) {
    return { [BYTES]: new Uint8Array(value.buffer, value.byteOffset, value.byteLength).toBase64() };
  }
  if (value === undefined) return null;
  if (typeof value === 'bigint') throw new TypeError('a BigInt can\'t be sent to the host');
  if (typeof value === 'function' || typeof value === 'symbol') {
    throw new TypeError(`a ${typeof value} can't be sent to the host`);
  }
  if (typeof value !== 'object' || value === null) return value;
  if (typeof value.toJSON === 'function') return encode(value.toJSON());
  if (value instanceof Set) value = [...value];
  if (value instanceof Map) value = Object.fromEntries(value);
  if (Array.isArray(value)) return value.map(encode);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, encode(item)]));
}

function decode(value) {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(decode);
  const keys = Object.keys(value);
  if (keys.length === 1 && keys[0] === BYTES) return Uint8Array.fromBase64(value[BYTES]);
  for (const key of keys) value[key] = decode(value[key]);
  return value;
}

function invoke(name, args, kwargs) {
  return decode(call('tool', { name, args: args.map(encode), kwargs: encode(kwargs) }));
}

function signature({ name, parameters, returns }) {
  const described = parameters.map(({ name: parameter, type, default: value }) => {
    const suffix = value === undefined ? '' : ` = ${JSON.stringify(value)}`;
    return `${parameter}${type ? `: ${type}` : ''}${suffix}`;
  });
  return `${name}(${described.join(', ')})${returns ? ` -> ${returns}` : ''}`;
}

function make(description) {
  const { name } = description;
  const tool = (...args) => invoke(name, args, {});
  const text = signature(description);
  Object.defineProperties(tool, {
    name: { value: name },
    signature: { value: text },
    doc: { value: description.doc ?? '' },
    // Python's keyword arguments: host.lookup.with({ key: 'a', limit: 3 })
    with: { value: (kwargs, ...args) => invoke(name, args, kwargs) },
    [inspectCustom]: { value: () => `[host function: ${text}]` },
  });
  return tool;
}

const descriptions = () => new Map(call('tools').map((description) => [description.name, description]));

// Looked up each time: a function may be exposed at any time.
export const host = new Proxy(Object.create(null), {
  get(target, name) {
    if (typeof name !== 'string' || name === 'then' || name === 'toJSON') return undefined;
    const description = descriptions().get(name);
    return description && make(description);
  },
  has: (target, name) => descriptions().has(name),
  ownKeys: () => [...descriptions().keys()],
  getOwnPropertyDescriptor(target, name) {
    const description = descriptions().get(name);
    return description && { value: make(description), enumerable: true, configurable: true };
  },
  set() {
    throw new TypeError('host has the functions that the host exposes, and no others');
  },
});
