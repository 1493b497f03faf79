// Atomics, which the engine leaves out where there are no threads. With one thread each operation is atomic.

const INTEGERS = [Int8Array, Uint8Array, Int16Array, Uint16Array, Int32Array, Uint32Array, BigInt64Array, BigUint64Array];

function place(array, index) {
  if (!INTEGERS.some((type) => array instanceof type)) throw new TypeError('[object Object] is not an integer typed array.');
  const position = Math.trunc(Number(index)) || 0;
  if (position < 0 || position >= array.length) throw new RangeError('Invalid atomic access index');
  return position;
}

function update(array, index, change) {
  const at = place(array, index);
  const before = array[at];
  array[at] = change(before);
  return before;
}

const convert = (array, value) => (typeof array[0] === 'bigint' ? BigInt(value) : Math.trunc(Number(value)) || 0);

const methods = {
  add: (array, index, value) => update(array, index, (old) => old + convert(array, value)),
  and: (array, index, value) => update(array, index, (old) => old & convert(array, value)),
  compareExchange(array, index, expected, replacement) {
    const wanted = new array.constructor([convert(array, expected)])[0];
    return update(array, index, (old) => (old === wanted ? convert(array, replacement) : old));
  },
  exchange: (array, index, value) => update(array, index, () => convert(array, value)),
  isLockFree: (size) => [1, 2, 4, 8].includes(Number(size)),
  load: (array, index) => array[place(array, index)],
  notify: (array, index) => (place(array, index), 0),
  or: (array, index, value) => update(array, index, (old) => old | convert(array, value)),
  store(array, index, value) {
    const converted = convert(array, value);
    array[place(array, index)] = converted;
    return converted;
  },
  sub: (array, index, value) => update(array, index, (old) => old - convert(array, value)),
  wait() {
    throw new TypeError('Atomics.wait cannot be called in this context: there is no other thread');
  },
  xor: (array, index, value) => update(array, index, (old) => old ^ convert(array, value)),
};

const Atomics = {};
for (const [name, value] of Object.entries(methods)) {
  Object.defineProperty(Atomics, name, { value, writable: true, configurable: true });
}
Object.defineProperty(Atomics, Symbol.toStringTag, { value: 'Atomics', configurable: true });
Object.defineProperty(globalThis, 'Atomics', { value: Atomics, writable: true, configurable: true });
