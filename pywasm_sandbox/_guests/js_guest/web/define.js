// How globals of the web platform are set: like the engine's own, replaceable and not enumerable.

export function defineGlobals(values) {
  for (const [name, value] of Object.entries(values)) {
    // The bundler renames what has the name of a global.
    if (typeof value === 'function') Object.defineProperty(value, 'name', { value: name, configurable: true });
    Object.defineProperty(globalThis, name, { value, writable: true, enumerable: false, configurable: true });
  }
}

export const inspectCustom = Symbol.for('nodejs.util.inspect.custom');

// Shows the named accessors of a class as Node's inspect shows those of its own, e.g. `URL { href: … }`.
export function showProperties(constructor, names) {
  Object.defineProperty(constructor.prototype, inspectCustom, {
    value(depth, options, inspect) {
      if (depth < 0) return `[${constructor.name}]`;
      const shown = Object.fromEntries(names.map((name) => [name, this[name]]));
      const deeper = { ...options, depth: options.depth === null ? null : options.depth - 1 };
      return `${constructor.name} ${inspect(shown, deeper)}`;
    },
    writable: true,
    enumerable: false,
    configurable: true,
  });
}
