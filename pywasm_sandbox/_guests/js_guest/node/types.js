// util.types, by the engine's own names of classes.

import native from 'pywasm:native';
import { isKey } from '../crypto/crypto_key.js';
import { isKeyObject } from './keys.js';
import { nameMethods } from './names.js';

const hasClass = (...names) => (value) => names.includes(native.className(value));

const TYPED_ARRAYS = ['Int8Array', 'Uint8Array', 'Uint8ClampedArray', 'Int16Array', 'Uint16Array', 'Int32Array', 'Uint32Array'];
TYPED_ARRAYS.push('Float16Array', 'Float32Array', 'Float64Array', 'BigInt64Array', 'BigUint64Array');

const AsyncFunction = (async () => {}).constructor;
const GeneratorFunction = function* () {}.constructor;
const AsyncGeneratorFunction = async function* () {}.constructor;
const isInstance = (...types) => (value) => typeof value === 'function' && types.some((type) => value instanceof type);

export const types = {
  isAnyArrayBuffer: hasClass('ArrayBuffer', 'SharedArrayBuffer'),
  isArgumentsObject: hasClass('Arguments'),
  isArrayBuffer: hasClass('ArrayBuffer'),
  isArrayBufferView: ArrayBuffer.isView,
  isAsyncFunction: isInstance(AsyncFunction, AsyncGeneratorFunction),
  isBigInt64Array: hasClass('BigInt64Array'),
  isBigIntObject: hasClass('BigInt'),
  isBigUint64Array: hasClass('BigUint64Array'),
  isBooleanObject: hasClass('Boolean'),
  isBoxedPrimitive: hasClass('Number', 'String', 'Boolean', 'BigInt', 'Symbol'),
  isCryptoKey: isKey,
  isDataView: hasClass('DataView'),
  isDate: hasClass('Date'),
  isExternal: () => false,
  isGeneratorFunction: isInstance(GeneratorFunction, AsyncGeneratorFunction),
  isGeneratorObject: hasClass('Generator', 'AsyncGenerator'),
  isKeyObject,
  isMap: hasClass('Map'),
  isMapIterator: hasClass('Map Iterator'),
  isModuleNamespaceObject: hasClass('Module'),
  isNativeError: hasClass('Error'),
  isNumberObject: hasClass('Number'),
  isPromise: (value) => native.promiseDetails(value) !== undefined,
  isProxy: (value) => native.proxyDetails(value) !== undefined,
  isRegExp: hasClass('RegExp'),
  isSet: hasClass('Set'),
  isSetIterator: hasClass('Set Iterator'),
  isSharedArrayBuffer: hasClass('SharedArrayBuffer'),
  isStringObject: hasClass('String'),
  isSymbolObject: hasClass('Symbol'),
  isTypedArray: hasClass(...TYPED_ARRAYS),
  isWeakMap: hasClass('WeakMap'),
  isWeakSet: hasClass('WeakSet'),
};
for (const name of TYPED_ARRAYS) types[`is${name}`] ??= hasClass(name);
nameMethods(types);
