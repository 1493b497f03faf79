// What a command line of `node` or `tsx` asks for.

const WITH_VALUE = new Set(['-r', '--require', '--import', '--input-type', '--stack-trace-limit']);
// Options that change nothing that a program here could see.
const WITHOUT_EFFECT = /^--(?:no-(?:warnings|deprecation)|trace-(?:warnings|deprecation|uncaught)|experimental-[\w-]+|enable-source-maps|max-[\w-]+|stack-size|expose-gc|harmony[\w-]*)(?:=|$)/;

export const USAGE = `Usage: node [options] [ script.js ] [arguments]
       node [options] -e code [arguments]
       node [options] - [arguments] < script.js

Options:
  -c, --check             check the syntax of a script, without running it
  -e, --eval code         run code
  -p, --print code        run code and print its value
  -r, --require module    load a CommonJS module first
  --import module         load an ES module first
  -h, --help              print this
  -v, --version           print the version
`;

export class UsageError extends Error {}

// { kind: 'file' | 'check' | 'eval' | 'print' | 'stdin' | 'version' | 'help', value, args, options, before,
//   isTyped }: `before` are the modules that are loaded first.
export function parseCommandLine([name, ...given]) {
  const words = [...given];
  const asked = { kind: 'stdin', value: null, before: [], isTyped: /(?:^|\/)tsx?$/.test(name) };
  const prints = { any: false };
  let code = null;
  let isCheck = false;
  while (words.length > 0 && /^-./.test(words[0])) {
    const word = words.shift();
    if (word === '--') break;
    const [, option, inline] = /^(--[^=]+)=([^]*)$/.exec(word) ?? [null, word];
    const value = () => {
      const found = inline ?? words.shift();
      if (found === undefined) throw new UsageError(`${option} requires an argument`);
      return found;
    };
    if (option === '-v' || option === '--version') return { ...asked, kind: 'version' };
    if (option === '-h' || option === '--help') return { ...asked, kind: 'help' };
    if (option === '-e' || option === '--eval') code = value();
    else if (option === '-p' || option === '--print' || option === '-pe') {
      prints.any = true;
      if (option === '-pe' || inline !== undefined || !/^-(?:e|-eval)$/.test(words[0] ?? '')) code = value();
    } else if (option === '-c' || option === '--check') isCheck = true;
    else if (WITH_VALUE.has(option)) takeValue(asked, option, value());
    else if (!WITHOUT_EFFECT.test(word)) throw new UsageError(`bad option: ${word}`);
  }
  asked.options = given.slice(0, given.length - words.length).filter((word) => word !== '--');
  if (code !== null) return { ...asked, kind: prints.any ? 'print' : 'eval', value: code, args: words };
  if (words.length === 0) return { ...asked, args: [] };
  const [first, ...args] = words;
  if (first === '-') return { ...asked, value: '-', args };
  return { ...asked, kind: isCheck ? 'check' : 'file', value: first, args };
}

function takeValue(asked, option, value) {
  if (option === '-r' || option === '--require' || option === '--import') asked.before.push({ name: value, isModule: option === '--import' });
  else if (option === '--input-type' && value.endsWith('typescript')) asked.isTyped = true;
}
