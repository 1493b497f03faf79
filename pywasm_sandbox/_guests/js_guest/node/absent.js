// What can't be done here, of modules that packages load all the same: a function or a class that says so when it is
// used.

import { codedError } from './errors.js';

const refuse = (module, reason, name) => {
  throw codedError(Error, 'ERR_FEATURE_UNAVAILABLE_ON_PLATFORM', `${module}.${name} is not available in this sandbox: ${reason}`);
};

// `absent(module, reason)` gives `functions(...names)` and `classes(Base, ...names)`, objects to spread.
export function absent(module, reason) {
  return {
    functions: (...names) =>
      Object.fromEntries(
        names.map((name) => [
          name,
          {
            [name]() {
              return refuse(module, reason, name);
            },
          }[name],
        ]),
      ),
    classes: (Base, ...names) =>
      Object.fromEntries(
        names.map((name) => [
          name,
          {
            [name]: class extends Base {
              constructor() {
                refuse(module, reason, name);
                super();
              }
            },
          }[name],
        ]),
      ),
  };
}
