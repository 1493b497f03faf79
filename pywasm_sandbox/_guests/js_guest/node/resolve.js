// Where a specifier leads: Node's look-up of files, folders and packages, for require and import.

import native from 'pywasm:native';
import { path as posix, resolveExports, resolveImports } from '../packages.js';
import { codedError } from './errors.js';

const EXTENSIONS = ['.js', '.json', '.cjs', '.mjs', '.ts', '.mts', '.cts', '.tsx', '.jsx'];
const S_IFMT = 0o170000;
const S_IFDIR = 0o040000;

function kindOf(path) {
  const numbers = native.stat(path, true);
  if (typeof numbers === 'number') return null;
  return (numbers[2] & S_IFMT) === S_IFDIR ? 'folder' : 'file';
}

export function readText(path) {
  const bytes = native.readFile(path);
  if (typeof bytes === 'number') return null;
  const text = native.decode(bytes, 0, bytes.length, false);
  return text.startsWith('\ufeff') ? text.slice(1) : text;
}

function readPackage(folder) {
  const path = posix.join(folder, 'package.json');
  const text = readText(path);
  if (text === null) return null;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw codedError(Error, 'ERR_INVALID_PACKAGE_CONFIG', `Invalid package config ${path}: ${error.message}`);
  }
}

// The nearest package.json at or above a folder: [its content, its folder].
export function packageAround(folder) {
  for (let at = folder; ; at = posix.dirname(at)) {
    if (posix.basename(at) !== 'node_modules') {
      const content = readPackage(at);
      if (content !== null) return [content, at];
    }
    if (at === '/') return [null, null];
  }
}

function asFile(path, extensions) {
  if (kindOf(path) === 'file') return path;
  for (const extension of extensions) if (kindOf(path + extension) === 'file') return path + extension;
  // TypeScript's own way to import "./x.ts" is "./x.js".
  if (/\.(?:[mc]?js|jsx)$/.test(path)) {
    const typed = path.replace(/js(x?)$/, 'ts$1');
    for (const candidate of [typed, `${typed}x`]) if (kindOf(candidate) === 'file') return candidate;
  }
  return null;
}

function asFolder(path, extensions) {
  if (kindOf(path) !== 'folder') return null;
  const { main } = readPackage(path) ?? {};
  if (typeof main === 'string' && main !== '') {
    const target = posix.join(path, main);
    const found = asFile(target, extensions) ?? asFile(posix.join(target, 'index'), extensions);
    if (found !== null) return found;
  }
  return asFile(posix.join(path, 'index'), extensions);
}

const asPath = (path, extensions) => (path.endsWith('/') ? null : asFile(path, extensions)) ?? asFolder(path, extensions);

export function* moduleFolders(folder) {
  for (let at = folder; ; at = posix.dirname(at)) {
    if (posix.basename(at) !== 'node_modules') yield posix.join(at, 'node_modules');
    if (at === '/') return;
  }
}

const splitName = (specifier) => {
  const parts = specifier.split('/');
  const count = specifier.startsWith('@') ? 2 : 1;
  return [parts.slice(0, count).join('/'), parts.slice(count).join('/')];
};

function withConditions(resolver, content, entry, isRequire) {
  try {
    return resolver(content, entry, { conditions: ['node'], require: isRequire })?.[0];
  } catch (error) {
    throw codedError(Error, 'ERR_PACKAGE_PATH_NOT_EXPORTED', error.message);
  }
}

function fromPackage(folder, subpath, isRequire, extensions) {
  const content = readPackage(folder);
  if (content?.exports !== undefined) {
    const entry = subpath === '' ? '.' : `./${subpath}`;
    const target = withConditions(resolveExports, content, entry, isRequire);
    return target === undefined ? null : asFile(posix.join(folder, target), []);
  }
  return asPath(posix.join(folder, subpath), extensions);
}

function fromNodeModules(specifier, folder, isRequire, extensions) {
  const [name, subpath] = splitName(specifier);
  for (const parent of moduleFolders(folder)) {
    const at = posix.join(parent, name);
    if (kindOf(at) === 'folder') {
      const found = fromPackage(at, subpath, isRequire, extensions);
      if (found !== null) return found;
    }
    const file = subpath === '' ? asFile(at, extensions) : null;
    if (file !== null) return file;
  }
  // A package may import itself by its name.
  const [content, own] = packageAround(folder);
  return content?.name === name && content.exports !== undefined ? fromPackage(own, subpath, isRequire, extensions) : null;
}

function fromImports(specifier, folder, isRequire, extensions) {
  const [content, own] = packageAround(folder);
  if (content?.imports === undefined) return null;
  const target = withConditions(resolveImports, content, specifier, isRequire);
  if (target === undefined) return null;
  return target.startsWith('.') ? asFile(posix.join(own, target), []) : fromNodeModules(target, own, isRequire, extensions);
}

// The file's path, null if there is none. Extensions may be left out in both kinds of module.
export function resolveFile(specifier, folder, { isRequire }) {
  const extensions = EXTENSIONS;
  if (specifier.startsWith('file:')) return asPath(decodeURIComponent(new URL(specifier).pathname), extensions);
  if (/^(?:\.{0,2}\/|\.{1,2}$)/.test(specifier)) return asPath(posix.resolve(folder, specifier), extensions);
  if (specifier.startsWith('#')) return fromImports(specifier, folder, isRequire, extensions);
  return fromNodeModules(specifier, folder, isRequire, extensions);
}
