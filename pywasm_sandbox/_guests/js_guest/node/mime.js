// MIMEType and MIMEParams of node:util: https://mimesniff.spec.whatwg.org/#parsing-a-mime-type

import { codedError } from './errors.js';

const TOKEN = /^[!#$%&'*+.^_`|~\w-]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

const quoted = (value) => (value !== '' && TOKEN.test(value) ? value : `"${value.replace(/["\\]/g, '\\$&')}"`);

const invalid = (what, text) => codedError(TypeError, 'ERR_INVALID_MIME_SYNTAX', `The MIME syntax for a ${what} in ${JSON.stringify(text)} is invalid`);

export class MIMEParams {
  #values = new Map();

  delete(name) {
    this.#values.delete(`${name}`);
  }

  get(name) {
    return this.#values.get(`${name}`) ?? null;
  }

  has(name) {
    return this.#values.has(`${name}`);
  }

  set(name, value) {
    if (!TOKEN.test(`${name}`)) throw invalid('parameter name', `${name}`);
    if (!VALUE.test(`${value}`)) throw invalid('parameter value', `${value}`);
    this.#values.set(`${name}`, `${value}`);
  }

  keys() {
    return this.#values.keys();
  }

  values() {
    return this.#values.values();
  }

  entries() {
    return this.#values.entries();
  }

  [Symbol.iterator]() {
    return this.entries();
  }

  toString() {
    return [...this.#values].map(([name, value]) => `${name}=${quoted(value)}`).join(';');
  }

  toJSON() {
    return this.toString();
  }
}

const PARAMETER = /;[\t\n\r ]*([^;=]*)(?:=(?:"((?:\\.|[^"\\])*)"[^;]*|([^;]*)))?/g;

export class MIMEType {
  #type;
  #subtype;
  #params = new MIMEParams();

  constructor(text) {
    const input = `${text}`.trim();
    const [, type, subtype = '', rest] = /^([^/;]*)(?:\/([^;]*))?(.*)$/s.exec(input);
    if (!TOKEN.test(type)) throw invalid('type', input);
    if (!TOKEN.test(subtype.trimEnd())) throw invalid('subtype', input);
    this.#type = type.toLowerCase();
    this.#subtype = subtype.trimEnd().toLowerCase();
    for (const [, name, inQuotes, plain] of rest.matchAll(PARAMETER)) {
      const key = name.toLowerCase();
      const value = inQuotes?.replace(/\\(.)/g, '$1') ?? plain?.trimEnd() ?? '';
      const isFit = TOKEN.test(key) && VALUE.test(value) && (inQuotes !== undefined || value !== '');
      if (isFit && !this.#params.has(key)) this.#params.set(key, value);
    }
  }

  get type() {
    return this.#type;
  }

  set type(value) {
    if (!TOKEN.test(`${value}`)) throw invalid('type', `${value}`);
    this.#type = `${value}`.toLowerCase();
  }

  get subtype() {
    return this.#subtype;
  }

  set subtype(value) {
    if (!TOKEN.test(`${value}`)) throw invalid('subtype', `${value}`);
    this.#subtype = `${value}`.toLowerCase();
  }

  get essence() {
    return `${this.#type}/${this.#subtype}`;
  }

  get params() {
    return this.#params;
  }

  toString() {
    const parameters = `${this.#params}`;
    return parameters === '' ? this.essence : `${this.essence};${parameters}`;
  }

  toJSON() {
    return this.toString();
  }
}
