// util.parseArgs, for scripts that read their arguments.

import { codedError } from './errors.js';

const unknown = (name) => codedError(TypeError, 'ERR_PARSE_ARGS_UNKNOWN_OPTION', `Unknown option '${name}'`);
const invalid = (message) => codedError(TypeError, 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE', message);

function store(values, options, name, value, { strict }) {
  const option = options[name];
  if (option === undefined && strict) throw unknown(`--${name}`);
  const isText = option?.type === 'string';
  if (strict && isText && typeof value !== 'string') throw invalid(`Option '--${name} <value>' argument missing`);
  if (strict && option?.type === 'boolean' && typeof value === 'string') throw invalid(`Option '--${name}' does not take an argument`);
  const stored = value ?? true;
  if (option?.multiple) (values[name] ??= []).push(stored);
  else values[name] = stored;
}

const longNameOf = (options, short) => Object.keys(options).find((name) => options[name].short === short) ?? short;

// As Node's, without tokens and negative options.
export function parseArgs({ args = process.argv.slice(2), options = {}, strict = true, allowPositionals = !strict } = {}) {
  const values = Object.create(null);
  const positionals = [];
  const rest = [...args];
  const takesText = (name) => options[name]?.type === 'string';
  while (rest.length > 0) {
    const arg = rest.shift();
    if (arg === '--') {
      positionals.push(...rest.splice(0));
    } else if (arg.startsWith('--')) {
      const [, name, value] = /^--([^=]*)(?:=([^]*))?$/.exec(arg);
      store(values, options, name, value ?? (takesText(name) && rest.length > 0 ? rest.shift() : undefined), { strict });
    } else if (/^-[^-]/.test(arg)) {
      const letters = [...arg.slice(1)];
      while (letters.length > 0) {
        const letter = letters.shift();
        const name = longNameOf(options, letter);
        if (strict && options[name] === undefined) throw unknown(`-${letter}`);
        const text = takesText(name) ? letters.splice(0).join('') || rest.shift() : undefined;
        store(values, options, name, text, { strict });
      }
    } else {
      positionals.push(arg);
    }
  }
  if (!allowPositionals && positionals.length > 0) {
    throw codedError(TypeError, 'ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL', `Unexpected argument '${positionals[0]}'. This command does not take positional arguments`);
  }
  for (const [name, option] of Object.entries(options)) {
    if (option.default !== undefined && values[name] === undefined) values[name] = option.default;
  }
  return { values, positionals };
}
