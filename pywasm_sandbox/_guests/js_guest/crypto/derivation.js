// Keys from passwords and from other keys. The host does what takes many rounds; what it refuses is done here, where
// a deadline interrupts it.

import { hkdf, pbkdf2 as packagedPbkdf2, scrypt as packagedScrypt } from '../packages.js';
import { call } from '../repl/wire.js';
import { EMPTY } from './bytes.js';

export { hkdf };

const HOST_HASHES = ['md5', 'sha1', 'sha224', 'sha256', 'sha384', 'sha512'];

function onHost(operation, settings, fallback) {
  let hex;
  try {
    hex = call(operation, settings);
  } catch (error) {
    if (error.name !== 'ValueError') throw error;
    return fallback();
  }
  return Uint8Array.fromHex(hex);
}

// `hash`: a function as @noble/hashes has them, called `name`.
export function pbkdf2(hash, name, password, salt, iterations, length) {
  if (length === 0) return EMPTY;
  const packaged = () => packagedPbkdf2(hash, password, salt, { c: iterations, dkLen: length });
  if (!HOST_HASHES.includes(name)) return packaged();
  return onHost('hash.pbkdf2', { hash: name, password: password.toHex(), salt: salt.toHex(), iterations, length }, packaged);
}

export function scrypt(password, salt, { N, r, p, length }) {
  if (length === 0) return EMPTY;
  return onHost('hash.scrypt', { n: N, r, p, password: password.toHex(), salt: salt.toHex(), length }, () =>
    packagedScrypt(password, salt, { N, r, p, dkLen: length, maxmem: Infinity }),
  );
}
