// The built-ins that a run needs, as they were before any code of the user's ran: a cell may replace or break
// each of them, and the next cell is to be answered all the same.
//
// What is not here goes without: no `for…of` and no array patterns (they call iterators), no methods of arrays;
// no template literals, which the engine makes with String.prototype.concat.

const { bind, call } = Function.prototype;

const uncurry = bind.bind(call); // (method) -> (self, ...arguments)

export const { defineProperties, is, keys } = Object;
export const { set: setProperty, deleteProperty } = Reflect;
export const { parse, stringify } = JSON;
export const { max, trunc } = Math;
export const { isArray } = Array;
export const ObjectPrototype = Object.prototype;
export const ArrayPrototype = Array.prototype;
export const execute = uncurry(RegExp.prototype.exec);
export const applyFunction = uncurry(Function.prototype.apply);
export const toNumber = Number;
export const ErrorType = Error;
export const TypeErrorType = TypeError;

// As `await` does: without a look at what `then` or `Symbol.species` have become.
export async function whenSettled(promise, onValue, onError) {
  let value;
  try {
    value = await promise;
  } catch (error) {
    onError(error);
    return;
  }
  onValue(value);
}

const entriesOf = uncurry(Map.prototype.entries);
const nextOf = uncurry(Object.getPrototypeOf(new Map().entries()).next);

// A map whose methods are its own.
export class SafeMap extends Map {
  // The oldest [key, value]; undefined if there is none.
  first() {
    return nextOf(entriesOf(this)).value;
  }
}
for (const name of Reflect.ownKeys(Map.prototype)) {
  if (name !== 'constructor') Object.defineProperty(SafeMap.prototype, name, Object.getOwnPropertyDescriptor(Map.prototype, name));
}
Object.setPrototypeOf(SafeMap.prototype, null);

// First in, first out.
export class Queue {
  #head = null;
  #tail = null;

  get isEmpty() {
    return this.#head === null;
  }

  push(value) {
    const entry = { value, next: null };
    if (this.#head === null) this.#head = entry;
    else this.#tail.next = entry;
    this.#tail = entry;
  }

  shift() {
    const { value, next } = this.#head;
    this.#head = next;
    return value;
  }

  some(test) {
    for (let entry = this.#head; entry !== null; entry = entry.next) if (test(entry.value)) return true;
    return false;
  }

  clear() {
    this.#head = this.#tail = null;
  }
}
