// Names for functions of packages, which assign them to properties and so leave them without one.

export function nameMethods(...holders) {
  for (const holder of holders) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(holder))) {
      if (typeof value === 'function' && value.name === '') Object.defineProperty(value, 'name', { value: name, configurable: true });
    }
  }
}
