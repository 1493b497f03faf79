// node:assert, as undici uses it.

function assert(value, message) {
  if (!value) throw message instanceof Error ? message : new Error(message ?? 'an assertion of undici failed');
}
assert.ok = assert;
assert.equal = (one, other, message) => assert(one == other, message);
assert.strictEqual = (one, other, message) => assert(Object.is(one, other), message);
assert.notStrictEqual = (one, other, message) => assert(!Object.is(one, other), message);

module.exports = assert;
