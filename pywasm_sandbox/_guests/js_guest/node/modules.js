// require and import: Node's built-in modules, and the files of the sandbox as ES modules, CommonJS and JSON.

import native from 'pywasm:native';
import { parse, path as posix } from '../packages.js';
import { builtins } from './builtins.js';
import { codedError } from './errors.js';
import { atImport } from './import_places.js';
import { moduleFolders, packageAround, readText, resolveFile } from './resolve.js';

export { builtins };

const WRAPPED = 4;

const withoutPrefix = (specifier) => (specifier.startsWith('node:') ? specifier.slice(5) : specifier);

function builtinNamed(specifier) {
  const name = withoutPrefix(specifier);
  if (Object.hasOwn(builtins, name)) return name;
  if (specifier.startsWith('node:')) throw codedError(Error, 'ERR_UNKNOWN_BUILTIN_MODULE', `No such built-in module: ${specifier}`);
  return null;
}

// ---- what kind of module a file is

const compilers = {};

// `compile(source, path)` gives JavaScript; for the languages that compile to it.
export function setCompiler(extension, compile) {
  compilers[extension] = compile;
}

function readModule(path) {
  const source = readText(path);
  if (source === null) throw codedError(Error, 'MODULE_NOT_FOUND', `Cannot read module '${path}'`);
  const extension = posix.extname(path);
  const compile = Object.hasOwn(compilers, extension) ? compilers[extension] : null;
  return compile === null ? source : compile(source, path);
}

const isScript = (source) => native.compiles(wrap(source), 0);

function formatOf(path, source) {
  switch (posix.extname(path)) {
    case '.json':
      return 'json';
    case '.mjs':
    case '.mts':
      return 'module';
    case '.cjs':
    case '.cts':
      return 'commonjs';
    default: {
      const [content] = packageAround(posix.dirname(path));
      if (content?.type === 'module' || content?.type === 'commonjs') return content.type;
      // As later versions of Node: what is no CommonJS is an ES module.
      return /\b(?:import|export|await)\b/.test(source) && !isScript(source) ? 'module' : 'commonjs';
    }
  }
}

// ---- CommonJS

const wrap = (source) => `(function (exports, require, module, __filename, __dirname) {\n${source.replace(/^#!.*/, '')}\n})`;

export class Module {
  constructor(id = '', parent = null) {
    this.id = id;
    this.path = posix.dirname(id);
    this.exports = {};
    this.filename = id;
    this.loaded = false;
    this.children = [];
    this.paths = id.startsWith('/') ? [...moduleFolders(this.path)] : [];
    Object.defineProperty(this, 'parent', { value: parent, configurable: true, writable: true });
    parent?.children?.push(this);
  }

  require(specifier) {
    return load(specifier, this);
  }

  static _cache = Object.create(null);

  static builtinModules = [...Object.keys(builtins), 'module', 'console'].sort();

  static isBuiltin(name) {
    return Module.builtinModules.includes(withoutPrefix(String(name)));
  }

  static createRequire(from) {
    const path = from instanceof URL || String(from).startsWith('file:') ? decodeURIComponent(new URL(from).pathname) : String(from);
    const module = new Module(path.endsWith('/') ? `${path}noop.js` : path, null);
    return makeRequire(module);
  }

  static syncBuiltinESMExports() {}

  static findSourceMap() {}

  static _extensions = { '.js': null, '.json': null, '.node': null };

  static Module = Module;

  static {
    for (const name of ['isBuiltin', 'createRequire', 'syncBuiltinESMExports', 'findSourceMap']) {
      Object.defineProperty(Module, name, { enumerable: true }); // an export
    }
  }
}

let mainModule; // of a program

const folderOf = (module) => (module.filename ? posix.dirname(module.filename) : native.getcwd());

function notFound(specifier, module) {
  const requireStack = [];
  for (let each = module; each?.filename; each = each.parent) requireStack.push(each.filename);
  const from = requireStack.length > 0 ? `\nRequire stack:\n- ${requireStack.join('\n- ')}` : '';
  return Object.assign(new Error(`Cannot find module '${specifier}'${from}`), { code: 'MODULE_NOT_FOUND', requireStack });
}

function checkSpecifier(specifier) {
  if (typeof specifier !== 'string') {
    throw codedError(TypeError, 'ERR_INVALID_ARG_TYPE', `The "id" argument must be of type string. Received ${specifier === null ? 'null' : `type ${typeof specifier}`}`);
  }
  if (specifier === '') throw codedError(TypeError, 'ERR_INVALID_ARG_VALUE', "The argument 'id' must be a non-empty string. Received ''");
}

function load(specifier, parent) {
  checkSpecifier(specifier);
  const name = builtinNamed(specifier);
  if (name !== null) return builtins[name];
  const path = resolveFile(specifier, folderOf(parent), { isRequire: true });
  if (path === null) throw notFound(specifier, parent);
  return loadFile(path, parent).exports;
}

function loadFile(path, parent) {
  const cached = Module._cache[path];
  if (cached !== undefined) return cached;
  const source = readModule(path);
  const format = formatOf(path, source);
  if (format === 'module') {
    return requireModule(path, parent);
  }
  const module = new Module(path, parent);
  Module._cache[path] = module;
  try {
    if (format === 'json') module.exports = parseJson(source, path);
    else runFile(module, source);
  } catch (error) {
    delete Module._cache[path];
    throw error;
  }
  module.loaded = true;
  return module;
}

// An ES module, as later versions of Node have it.
function requireModule(path, parent) {
  const namespace = native.requireModule(path);
  if (namespace === undefined) {
    throw codedError(Error, 'ERR_REQUIRE_ASYNC_MODULE', `require() cannot be used on an ES module that awaits at its top level, or imports one that does: use import('${path}')`);
  }
  if (namespace === null) throw codedError(Error, 'ERR_REQUIRE_CYCLE_MODULE', `Cannot require() ES Module ${path} in a cycle`);
  const module = new Module(path, parent);
  module.exports = Object.hasOwn(namespace, 'module.exports') ? namespace['module.exports'] : namespace;
  module.loaded = true;
  Module._cache[path] = module;
  return module;
}

function parseJson(source, path) {
  try {
    return JSON.parse(source);
  } catch (error) {
    error.message = `${path}: ${error.message}`;
    throw error;
  }
}

function runFile(module, source) {
  const run = native.evaluate(wrap(source), module.filename, WRAPPED);
  run.call(module.exports, module.exports, makeRequire(module), module, module.filename, posix.dirname(module.filename));
}

export function makeRequire(module) {
  const require = (specifier) => load(specifier, module);
  require.resolve = (specifier) => {
    checkSpecifier(specifier);
    if (builtinNamed(specifier) !== null) return specifier;
    const path = resolveFile(specifier, folderOf(module), { isRequire: true });
    if (path === null) throw notFound(specifier, module);
    return path;
  };
  require.resolve.paths = () => [...moduleFolders(folderOf(module))];
  require.cache = Module._cache;
  require.extensions = Module._extensions;
  require.main = mainModule;
  return require;
}

// ---- the file that a program begins with

function findMain(name) {
  const wanted = posix.resolve(native.getcwd(), name);
  const path = resolveFile(wanted, '/', { isRequire: true });
  if (path === null) throw notFound(wanted, null);
  return builtins.fs.realpathSync(path); // a command of node_modules/.bin is a link
}

// Runs it: a promise where it is an ES module. Throws if there is no such file.
export function runMain(name) {
  const path = findMain(name);
  process.argv[1] = path;
  const source = readModule(path);
  const format = formatOf(path, source);
  if (format === 'module') return import(path);
  const module = new Module(path, null);
  module.id = '.';
  mainModule = module;
  Module._cache[path] = module;
  if (format === 'json') module.exports = parseJson(source, path);
  else runFile(module, source);
  module.loaded = true;
  return undefined;
}

// Whether it is a program at all. Throws a SyntaxError.
export function checkMain(name) {
  const path = findMain(name);
  const source = readModule(path);
  const format = formatOf(path, source);
  if (format === 'json') parseJson(source, path);
  else if (format === 'module') parse(source, { ecmaVersion: 'latest', sourceType: 'module', allowHashBang: true });
  else if (!isScript(source)) native.evaluate(wrap(source), path, WRAPPED);
}

builtins.module = Module;
Object.defineProperty(builtins, 'console', { get: () => globalThis.console, enumerable: true });

// ---- ES modules

function folderOfReferrer(referrer) {
  return referrer.startsWith('/') ? posix.dirname(referrer) : native.getcwd();
}

function resolveImport(specifier, referrer) {
  if (specifier.startsWith('data:')) return specifier;
  const name = builtinNamed(specifier);
  if (name !== null) return `node:${name}`;
  if (/^https?:/.test(specifier)) {
    throw codedError(Error, 'ERR_UNSUPPORTED_ESM_URL_SCHEME', `Modules are not loaded from the network: '${specifier}'; use fetch, or put the file into the sandbox`);
  }
  const path = resolveFile(specifier, folderOfReferrer(referrer), { isRequire: false });
  if (path === null) {
    const isPath = /^\.{0,2}\/|^file:/.test(specifier);
    const wanted = isPath ? posix.resolve(folderOfReferrer(referrer), specifier.replace(/^file:\/\//, '')) : specifier;
    throw atImport(codedError(Error, 'ERR_MODULE_NOT_FOUND', `Cannot find ${isPath ? 'module' : 'package'} '${wanted}' imported from ${referrer}`), referrer, specifier);
  }
  return path;
}

const IDENTIFIER = /^[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*$/u;

// The properties of an object as exports, with the object itself as the default one.
function exportsOf(value) {
  const exported = {};
  if ((typeof value === 'object' && value !== null) || typeof value === 'function') {
    for (const name of Object.keys(value)) if (name !== 'default' && IDENTIFIER.test(name)) exported[name] = value[name];
  }
  exported.default = value;
  return exported;
}

const decodeDataUrl = (url) => {
  const [, mime, isBase64, data] = /^data:([^,;]*)(?:;[^,;]*?)*?(;base64)?,([^]*)$/.exec(url) ?? [];
  const text = isBase64 ? builtins.buffer.Buffer.from(data, 'base64').toString() : decodeURIComponent(data ?? '');
  return mime === 'application/json' ? { default: JSON.parse(text) } : text;
};

// A source text, or an object whose properties are the exports.
function loadImport(name) {
  if (name.startsWith('node:')) return exportsOf(builtins[name.slice(5)]);
  if (name.startsWith('data:')) return decodeDataUrl(name);
  const source = readModule(name);
  switch (formatOf(name, source)) {
    case 'json':
      return { default: parseJson(source, name) };
    case 'commonjs':
      return exportsOf(loadFile(name, null).exports);
    default:
      return source;
  }
}

export function installLoader() {
  native.setLoader(resolveImport, loadImport);
}
