// Elliptic curves, of @noble/curves: keys and how they are written, signatures, agreement.
//
// A key is { curve, secret, point }: the curve's name as Web Crypto has it, the secret as bytes or null, and the
// public point, uncompressed.

import { ed25519, p256, p384, p521, secp256k1, x25519 } from '../packages.js';
import { areEqual, fromBase64Url, toBase64Url } from './bytes.js';
import { context, decode, decodeSequence, encode, encodeBits, INTEGER, OBJECT_ID, OCTET_STRING, SEQUENCE } from './der.js';

const oid = (hex) => encode(OBJECT_ID, Uint8Array.fromHex(hex));

const EC_KEY = '2a8648ce3d0201';

// `size`: of a coordinate or of the key in bytes; `oid`: hexadecimal; `openssl`: OpenSSL's name.
export const CURVES = {
  'P-256': { kind: 'ec', math: p256, size: 32, oid: '2a8648ce3d030107', openssl: 'prime256v1' },
  'P-384': { kind: 'ec', math: p384, size: 48, oid: '2b81040022', openssl: 'secp384r1' },
  'P-521': { kind: 'ec', math: p521, size: 66, oid: '2b81040023', openssl: 'secp521r1' },
  secp256k1: { kind: 'ec', math: secp256k1, size: 32, oid: '2b8104000a', openssl: 'secp256k1' },
  Ed25519: { kind: 'okp', math: ed25519, size: 32, oid: '2b6570', openssl: 'ed25519' },
  X25519: { kind: 'okp', math: x25519, size: 32, oid: '2b656e', openssl: 'x25519' },
};

// The curve's name by one that Web Crypto, JWK or OpenSSL has for it; undefined if there is none.
export function curveNamed(name) {
  const lower = String(name).toLowerCase();
  return Object.keys(CURVES).find((each) => each.toLowerCase() === lower || CURVES[each].openssl === lower);
}

const isEc = (curve) => CURVES[curve].kind === 'ec';

export class BadKey extends Error {}

function attempt(action) {
  try {
    return action();
  } catch (error) {
    throw error instanceof BadKey ? error : new BadKey(error.message);
  }
}

export function publicPoint(curve, secret) {
  const { math } = CURVES[curve];
  return isEc(curve) ? math.getPublicKey(secret, false) : math.getPublicKey(secret);
}

export function fromSecret(curve, secret) {
  const { size } = CURVES[curve];
  if (secret.length !== size) throw new BadKey(`a secret key of ${curve} has ${size} bytes`);
  return attempt(() => ({ curve, secret, point: publicPoint(curve, secret) }));
}

export function fromPoint(curve, bytes) {
  const { math, size } = CURVES[curve];
  if (isEc(curve)) return attempt(() => ({ curve, secret: null, point: math.Point.fromBytes(bytes).toBytes(false) }));
  if (bytes.length !== size) throw new BadKey(`a public key of ${curve} has ${size} bytes`);
  return { curve, secret: null, point: bytes };
}

export const generate = (curve) => fromSecret(curve, CURVES[curve].math.utils.randomSecretKey());

export const withoutSecret = ({ curve, point }) => ({ curve, secret: null, point });

// ---- DER

function algorithmOf(curve) {
  const own = oid(CURVES[curve].oid);
  return isEc(curve) ? encode(SEQUENCE, oid(EC_KEY), own) : encode(SEQUENCE, own);
}

function curveOf(algorithm) {
  const ids = decode(algorithm.content).map(({ content }) => content.toHex());
  const id = ids[0] === EC_KEY ? ids[1] : ids[0];
  const curve = Object.keys(CURVES).find((name) => CURVES[name].oid === id);
  if (curve === undefined) throw new BadKey('the key is of a kind that is not supported in this sandbox: it has elliptic curves, no RSA');
  return curve;
}

const version = (number) => encode(INTEGER, Uint8Array.of(number));

export const toSpki = ({ curve, point }) => encode(SEQUENCE, algorithmOf(curve), encodeBits(point));

export const fromSpki = (bytes) =>
  attempt(() => {
    const [algorithm, key] = decodeSequence(bytes);
    return fromPoint(curveOf(algorithm), key.content.slice(1));
  });

// `namesCurve`: whether the curve is in it, as where nothing else says which one it is.
export function toSec1({ curve, secret, point }, namesCurve = true) {
  const named = namesCurve ? [encode(context(0), oid(CURVES[curve].oid))] : [];
  return encode(SEQUENCE, version(1), encode(OCTET_STRING, secret), ...named, encode(context(1), encodeBits(point)));
}

export const fromSec1 = (bytes, known) =>
  attempt(() => {
    const [, secret, ...rest] = decodeSequence(bytes);
    const named = rest.find(({ tag }) => tag === context(0));
    return fromSecret(known ?? curveOf(named), secret.content);
  });

export function toPkcs8(key) {
  const inner = isEc(key.curve) ? toSec1(key, false) : encode(OCTET_STRING, key.secret);
  return encode(SEQUENCE, version(0), algorithmOf(key.curve), encode(OCTET_STRING, inner));
}

export const fromPkcs8 = (bytes) =>
  attempt(() => {
    const [, algorithm, key] = decodeSequence(bytes);
    const curve = curveOf(algorithm);
    return isEc(curve) ? fromSec1(key.content, curve) : fromSecret(curve, decode(key.content)[0].content);
  });

// A key in DER, of any of the kinds above.
export const fromDer = (bytes) =>
  attempt(() => {
    const elements = decodeSequence(bytes);
    if (elements[0].tag === SEQUENCE) return fromSpki(bytes);
    return elements[1].tag === OCTET_STRING ? fromSec1(bytes) : fromPkcs8(bytes);
  });

// ---- JSON Web Keys

export function toJwk({ curve, secret, point }) {
  const { size } = CURVES[curve];
  const d = secret === null ? {} : { d: toBase64Url(secret) };
  if (!isEc(curve)) return { crv: curve, ...d, x: toBase64Url(point), kty: 'OKP' };
  return { kty: 'EC', x: toBase64Url(point.subarray(1, 1 + size)), y: toBase64Url(point.subarray(1 + size)), crv: curve, ...d };
}

export const fromJwk = ({ kty, crv, x, y, d }) =>
  attempt(() => {
    const curve = Object.hasOwn(CURVES, crv) ? crv : undefined;
    if (curve === undefined || kty !== (isEc(curve) ? 'EC' : 'OKP')) throw new BadKey(`the key is of a kind that is not supported: ${kty} ${crv}`);
    const parts = (isEc(curve) ? [x, y] : [x]).map(fromBase64Url);
    const point = isEc(curve) ? Uint8Array.of(4, ...parts[0], ...parts[1]) : parts[0];
    const key = fromPoint(curve, point);
    if (d === undefined) return key;
    const whole = fromSecret(curve, fromBase64Url(d));
    if (!areEqual(whole.point, key.point)) throw new BadKey('the public and the secret part are not of one key');
    return whole;
  });

// ---- what keys do

// `message`: for ECDSA its digest, for Ed25519 itself; `format`: "compact" or "der", for ECDSA alone.
export function sign({ curve, secret }, message, format) {
  const { math } = CURVES[curve];
  return isEc(curve) ? math.sign(message, secret, { prehash: false, lowS: false, format }) : math.sign(message, secret);
}

export function verify({ curve, point }, message, signature, format) {
  const { math } = CURVES[curve];
  try {
    return isEc(curve)
      ? math.verify(signature, message, point, { prehash: false, lowS: false, format })
      : math.verify(signature, message, point);
  } catch {
    return false; // it is no signature at all
  }
}

// The shared secret: of EC the x coordinate.
export function agree({ curve, secret }, { point }) {
  const shared = attempt(() => CURVES[curve].math.getSharedSecret(secret, point));
  return isEc(curve) ? shared.slice(1) : shared;
}
