// `npm` and `npx`: what they ask of the host is in the sandbox's policy; scripts of packages are not run.

import { builtins } from '../node/builtins.js';
import { call } from '../repl/wire.js';
import { list } from './list.js';
import { NpmError, parseWords } from './options.js';
import { projectFolder, readJson } from './project.js';
import { execute, listScripts, runScript } from './scripts.js';

const { fs, path } = builtins;

const VERSION = '10.8.2'; // whose behaviour is followed

const USAGE = `npm <command>

Usage:

npm install              install all the dependencies in your project
npm install <foo>        add the <foo> dependency to your project
npm ci                   install what the lock file says
npm uninstall <foo>      remove it
npm ls                   list what is installed
npm init -y              make a package.json
npm run <foo>            run the script named <foo>
npm test, npm start      run these scripts
npm exec <foo>           run a command of a package (npx <foo>)`;

// Has the host carry it out; what it says goes to stdout, warnings to stderr.
function ask(wish, isQuiet) {
  for (let answer = call('npm.install', wish); ; answer = call('npm.more', { job: answer.job })) {
    const stream = answer.said.startsWith('npm warn') ? process.stderr : process.stdout;
    if (!isQuiet) stream.write(answer.said);
    if (answer.job === undefined) return 0;
  }
}

const kindOf = (options) => (options.get('save-dev') || options.get('dev') ? 'dev' : options.get('save-optional') ? 'optional' : '');

function omitted(options) {
  const names = new Set((options.get('omit') ?? '').split(',').filter(Boolean));
  if (options.get('production') || (process.env.NODE_ENV === 'production' && !options.has('include'))) names.add('dev');
  if (options.get('no-optional')) names.add('optional');
  for (const name of (options.get('include') ?? '').split(',')) names.delete(name);
  return [...names];
}

const isQuiet = (options) => Boolean(options.get('silent') || options.get('quiet') || options.get('loglevel') === 'silent');

function install(words, options, more = {}) {
  const folder = projectFolder(options);
  const packages = words.map((word) => (/^(?:file:)?\.{1,2}(?:\/|$)|^(?:file:)?[^/@][^/]*\.(?:tgz|tar\.gz)$/.test(word) ? fromHere(word, folder) : word));
  return ask(
    {
      folder,
      packages,
      kind: kindOf(options),
      save: options.get('no-save') !== true && options.get('save') !== false,
      exact: Boolean(options.get('save-exact') || options.get('exact')),
      omit: omitted(options),
      ...more,
    },
    isQuiet(options),
  );
}

// A path is seen from the present folder; the host's is the project's.
function fromHere(word, folder) {
  const relative = path.relative(folder, path.resolve(word.replace(/^file:/, '')));
  return relative.startsWith('.') ? relative : `./${relative}`;
}

function initialize(options) {
  const file = path.resolve('package.json');
  if (!options.get('yes') && !options.get('force')) throw new NpmError('npm init asks questions only a terminal can answer: use npm init -y');
  const content = {
    name: path.basename(path.dirname(file)).toLowerCase() || 'project',
    version: '1.0.0',
    main: 'index.js',
    scripts: { test: 'echo "Error: no test specified" && exit 1' },
    keywords: [],
    author: '',
    license: 'ISC',
    description: '',
    ...readJson(file),
  };
  const text = `${JSON.stringify(content, null, 2)}\n`;
  fs.writeFileSync(file, text);
  console.log(`Wrote to ${file}:\n\n${text}\n`);
  return 0;
}

const COMMANDS = {
  __proto__: null,
  install,
  ci: (words, options) => install([], options, { frozen: true, save: false }),
  uninstall(words, options) {
    if (words.length === 0) throw new NpmError('npm uninstall needs the names of packages');
    return install([], options, { removed: words });
  },
  ls: (words, options) => list(projectFolder(options), words, options),
  init: (words, options) => initialize(options),
  root: (words, options) => (console.log(path.join(projectFolder(options), 'node_modules')), 0),
  prefix: (words, options) => (console.log(projectFolder(options)), 0),
};

const NAMES = {
  __proto__: null,
  i: 'install',
  in: 'install',
  add: 'install',
  'clean-install': 'ci',
  rm: 'uninstall',
  remove: 'uninstall',
  un: 'uninstall',
  unlink: 'uninstall',
  r: 'uninstall',
  list: 'ls',
  la: 'ls',
  ll: 'ls',
  create: 'init',
  rum: 'run',
  urn: 'run',
  'run-script': 'run',
  x: 'exec',
  t: 'test',
  tst: 'test',
};

function npx(given) {
  const { words, options } = parseWords(given, true);
  const quietly = (folder, packages) => ask({ folder, packages, save: false }, true);
  return execute(projectFolder(options), words, options, quietly);
}

function npm([given, ...rest]) {
  if (given === undefined || given === 'help' || given === '--help' || given === '-h') {
    console.log(USAGE);
    return given === undefined ? 1 : 0;
  }
  if (given === '-v' || given === '--version') {
    console.log(VERSION);
    return 0;
  }
  const name = NAMES[given] ?? given;
  if (name === 'exec') return npx(rest);
  const { words, options } = parseWords(rest);
  if (name === 'run') return words.length === 0 ? listScripts(projectFolder(options)) : runScript(projectFolder(options), words[0], words.slice(1), options);
  if (name === 'test' || name === 'start' || name === 'stop' || name === 'restart') return runScript(projectFolder(options), name, words, options);
  if (!(name in COMMANDS)) throw new NpmError(`Unknown command: "${given}"; there are ${Object.keys(COMMANDS).join(', ')}, run, exec`);
  return COMMANDS[name](words, options);
}

// Carries a command line out: the exit code.
export function runNpm([name, ...words]) {
  try {
    return /npx$/.test(name) ? npx(words) : npm(words);
  } catch (error) {
    // What the host refuses has the name of a Python exception.
    if (!(error instanceof NpmError) && error.name !== 'RuntimeError') throw error;
    for (const line of error.message.split('\n')) process.stderr.write(`npm error ${line}\n`);
    return 1;
  }
}
