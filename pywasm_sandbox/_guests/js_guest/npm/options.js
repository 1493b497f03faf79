// The words of npm's command lines.

export class NpmError extends Error {}

const ALIASES = {
  __proto__: null,
  '-D': 'save-dev',
  '-O': 'save-optional',
  '-P': 'save-prod',
  '-S': 'save',
  '-E': 'save-exact',
  '-y': 'yes',
  '-s': 'silent',
  '-a': 'all',
  '-c': 'call',
  '-p': 'package',
};
const WITH_VALUE = new Set(['omit', 'include', 'depth', 'prefix', 'loglevel', 'call', 'package', 'C']);
const FLAGS = new Set([
  ...['all', 'dev', 'exact', 'if-present', 'ignore-scripts', 'json', 'no-audit', 'no-fund', 'no-save', 'no-progress', 'production'],
  ...['parseable', 'prefer-offline', 'quiet', 'save', 'save-dev', 'save-exact', 'save-optional', 'save-prod', 'silent', 'yes', 'no', 'force'],
  ...['legacy-peer-deps', 'no-package-lock', 'no-optional', 'audit', 'fund', 'progress'],
]);
// What would need something that is not here.
const REFUSED = { __proto__: null, global: 'there is one project, and no place for all of them', g: 'there is one project, and no place for all of them', registry: 'the registry is chosen by the policy of the sandbox' };

// { words, options: Map of name -> true or text }; all after `--` are words, and with `stopsAtWord` all after the first.
export function parseWords(given, stopsAtWord = false) {
  const words = [];
  const options = new Map();
  const left = [...given];
  while (left.length > 0) {
    const word = left.shift();
    if (word === '--') {
      words.push(...left);
      break;
    }
    if (!/^-./.test(word)) {
      words.push(word);
      if (stopsAtWord) return { words: [...words, ...left], options };
      continue;
    }
    const [, long, inline] = /^--([^=]+)(?:=([^]*))?$/.exec(word) ?? [null, ALIASES[word] ?? word.slice(1)];
    if (long in REFUSED) throw new NpmError(`${word} can't be used in this sandbox: ${REFUSED[long]}`);
    if (WITH_VALUE.has(long)) {
      const value = inline ?? left.shift();
      if (value === undefined) throw new NpmError(`${word} needs a value`);
      options.set(long, options.has(long) ? `${options.get(long)},${value}` : value);
    } else if (FLAGS.has(long)) options.set(long, inline === undefined || inline !== 'false');
    else throw new NpmError(`unknown option ${word}`);
  }
  return { words, options };
}
