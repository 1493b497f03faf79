// What the guest's own modules use of npm packages; build/recipes/js_prelude.py bundles this into one module.

export { inspect, format, formatWithOptions, stripVTControlCharacters } from 'node-inspect-extracted';
export { parse } from 'acorn';
export { TraceMap, originalPositionFor } from '@jridgewell/trace-mapping';
export { default as assert } from 'assert';
export { default as buffer } from 'buffer';
export { default as events } from 'events';
export { default as path } from 'path-browserify';
export { default as querystring } from 'querystring-es3';
export { default as stream } from 'readable-stream/lib/ours/browser.js';
export { default as streamPromises } from 'readable-stream/lib/stream/promises.js';
export { default as stringDecoder } from 'string_decoder';
export { default as url } from 'url';
export { default as util } from 'util';
export { exports as resolveExports, imports as resolveImports } from 'resolve.exports';
export * as pako from 'pako';
export { ripemd160 } from '@noble/hashes/legacy.js';
export { sha512_256 } from '@noble/hashes/sha2.js';
export { sha3_256, sha3_384, sha3_512 } from '@noble/hashes/sha3.js';
export { blake2b, blake2s } from '@noble/hashes/blake2.js';
export { hmac } from '@noble/hashes/hmac.js';
export { hkdf } from '@noble/hashes/hkdf.js';
export { pbkdf2 } from '@noble/hashes/pbkdf2.js';
export { scrypt } from '@noble/hashes/scrypt.js';
