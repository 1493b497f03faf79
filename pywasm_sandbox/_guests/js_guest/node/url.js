// node:url: the legacy functions of the package, the platform's URL, and paths.

import { path as posix, url as legacy } from '../packages.js';
import { codedError } from './errors.js';

const SPECIAL = { '%': '%25', '\\': '%5C', '\n': '%0A', '\r': '%0D', '\t': '%09', '?': '%3F', '#': '%23' };

function pathToFileURL(path) {
  const resolved = posix.resolve(process.cwd(), path) + (path.endsWith('/') && path !== '/' ? '/' : '');
  return new URL(`file://${resolved.replace(/[%\\\n\r\t?#]/g, (character) => SPECIAL[character])}`);
}

function fileURLToPath(value) {
  const url = typeof value === 'string' ? new URL(value) : value;
  if (url?.protocol !== 'file:') throw codedError(TypeError, 'ERR_INVALID_URL_SCHEME', 'The URL must be of scheme file');
  if (url.hostname !== '') throw codedError(TypeError, 'ERR_INVALID_FILE_URL_HOST', 'File URL host must be "localhost" or empty on linux');
  if (/%2f/i.test(url.pathname)) throw codedError(TypeError, 'ERR_INVALID_FILE_URL_PATH', 'File URL path must not include encoded / characters');
  return decodeURIComponent(url.pathname);
}

function format(value, options = {}) {
  if (!(value instanceof URL)) return legacy.format(value);
  const copy = new URL(value);
  if (options.fragment === false) copy.hash = '';
  if (options.search === false) copy.search = '';
  if (options.auth === false) copy.username = copy.password = '';
  return copy.href;
}

export default {
  URL: globalThis.URL,
  URLSearchParams: globalThis.URLSearchParams,
  Url: legacy.Url,
  domainToASCII: (domain) => URL.parse?.(`http://${domain}`)?.hostname ?? '',
  domainToUnicode: (domain) => domain,
  fileURLToPath,
  format,
  parse: legacy.parse,
  pathToFileURL,
  resolve: legacy.resolve,
  resolveObject: legacy.resolveObject,
  urlToHttpOptions(url) {
    const { protocol, hostname, hash, search, pathname, href, port, username, password } = url;
    const options = { protocol, hostname, hash, search, pathname, path: `${pathname}${search}`, href };
    if (port !== '') options.port = Number(port);
    if (username || password) options.auth = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
    return options;
  },
};
