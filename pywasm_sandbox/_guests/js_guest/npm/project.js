// A project's package.json and what lies in its node_modules.

import { builtins } from '../node/builtins.js';
import { NpmError } from './options.js';

const { fs, path } = builtins;

export const KINDS = ['dependencies', 'devDependencies', 'optionalDependencies'];

export function readJson(file) {
  let text;
  try {
    text = fs.readFileSync(file, 'utf8');
  } catch {
    return null;
  }
  try {
    return JSON.parse(text.replace(/^\ufeff/, ''));
  } catch (error) {
    throw new NpmError(`code EJSONPARSE\n${file}: ${error.message}`);
  }
}

// The folder that npm takes for the project: the nearest with a package.json or node_modules, or the present one.
export function projectFolder(options) {
  const start = path.resolve(options.get('prefix') ?? options.get('C') ?? '.');
  if (options.has('prefix')) return start;
  for (let at = start; ; at = path.dirname(at)) {
    if (fs.existsSync(path.join(at, 'package.json')) || fs.existsSync(path.join(at, 'node_modules'))) return at;
    if (at === '/') return start;
  }
}

export function needPackage(folder) {
  const found = readJson(path.join(folder, 'package.json'));
  if (found === null) throw new NpmError(`code ENOENT\nCould not read package.json: there is none in ${folder}`);
  return found;
}

// What require would find from a package's folder: [folder, its package.json], or null.
export function findPackage(name, from, root) {
  for (let at = from; ; at = path.dirname(at)) {
    if (path.basename(at) !== 'node_modules') {
      const folder = path.join(at, 'node_modules', name);
      const content = readJson(path.join(folder, 'package.json'));
      if (content !== null) return [folder, content];
    }
    if (at === root || at === '/') return null;
  }
}

// What the project asks for by itself.
export function topNames(content) {
  const names = new Map();
  for (const kind of KINDS) for (const [name, range] of Object.entries(content[kind] ?? {})) names.set(name, { range, kind });
  return names;
}
