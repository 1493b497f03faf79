// `npm run`, `npx`: commands of the project, in the sandbox's shell.

import { builtins } from '../node/builtins.js';
import { NpmError } from './options.js';
import { needPackage } from './project.js';

const { child_process: processes, fs, path } = builtins;

const SIGNAL_BASE = 128;

const quote = (word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

function environment(folder, content, extra) {
  const bins = [];
  for (let at = folder; ; at = path.dirname(at)) {
    bins.push(path.join(at, 'node_modules', '.bin'));
    if (at === '/') break;
  }
  return {
    ...process.env,
    PATH: [...bins, process.env.PATH].join(':'),
    INIT_CWD: process.cwd(),
    npm_execpath: '/usr/bin/npm',
    npm_node_execpath: process.execPath,
    npm_package_json: path.join(folder, 'package.json'),
    npm_package_name: content?.name ?? '',
    npm_package_version: content?.version ?? '',
    ...extra,
  };
}

function runLine(line, cwd, env) {
  const { status, signal } = processes.spawnSync('/bin/sh', ['-c', line], { cwd, env, stdio: 'inherit' });
  return signal === null ? status : SIGNAL_BASE + builtins.os.constants.signals[signal];
}

export function listScripts(folder) {
  const content = needPackage(folder);
  const scripts = Object.entries(content.scripts ?? {});
  if (scripts.length === 0) return 0;
  console.log(`Scripts available in ${content.name ?? path.basename(folder)} via \`npm run-script\`:`);
  for (const [name, line] of scripts) console.log(`  ${name}\n    ${line}`);
  return 0;
}

// Runs `pre…`, the script and `post…`: the exit code.
export function runScript(folder, name, args, options) {
  const content = needPackage(folder);
  const scripts = content.scripts ?? {};
  if (!Object.hasOwn(scripts, name)) {
    if (options.get('if-present')) return 0;
    if (name === 'start' && fs.existsSync(path.join(folder, 'server.js'))) scripts.start = 'node server.js';
    else throw new NpmError(`Missing script: "${name}"\n\nTo see a list of scripts, run:\n  npm run`);
  }
  for (const event of [`pre${name}`, name, `post${name}`]) {
    if (!Object.hasOwn(scripts, event)) continue;
    const line = [scripts[event], ...(event === name ? args.map(quote) : [])].join(' ');
    if (!options.get('silent')) console.log(`\n> ${content.name ? `${content.name}@${content.version ?? ''} ` : ''}${event}\n> ${line}\n`);
    const code = runLine(line, folder, environment(folder, content, { npm_lifecycle_event: event, npm_lifecycle_script: scripts[event] }));
    if (code !== 0) return code;
  }
  return 0;
}

// The command of a package: of the project, or installed for this by `install(folder, packages)`.
export function execute(folder, words, options, install) {
  const call = options.get('call');
  const packages = (options.get('package') ?? '').split(',').filter(Boolean);
  if (call !== undefined) return runLine(call, process.cwd(), environment(folder, null, {}));
  const [wanted, ...args] = words;
  if (wanted === undefined) throw new NpmError('npx needs a command');
  const [, name] = /^((?:@[^/]+\/)?[^@/]+)(?:@.*)?$/.exec(wanted) ?? [null, wanted];
  const command = name.split('/').at(-1);
  const places = [];
  for (let at = folder; ; at = path.dirname(at)) {
    places.push(path.join(at, 'node_modules', '.bin', command));
    if (at === '/') break;
  }
  const own = wanted === name && packages.length === 0 ? places.find((each) => fs.existsSync(each)) : undefined;
  const run = (program, at) => runLine([program, ...args].map(quote).join(' '), process.cwd(), environment(at, null, {}));
  if (own !== undefined) return run(own, folder);
  const asked = packages.length > 0 ? packages : [wanted];
  const place = path.join(process.env.HOME ?? '/home/user', '.npm', '_npx', asked.join('+').replaceAll(/[^\w@.+-]/g, '_'));
  fs.mkdirSync(place, { recursive: true });
  if (!fs.existsSync(path.join(place, 'package.json'))) fs.writeFileSync(path.join(place, 'package.json'), '{}\n');
  install(place, asked);
  const found = commandIn(place, packages.length > 0 ? command : name, command);
  if (found === null) throw new NpmError(`could not determine executable to run: ${asked.join(', ')} has no command ${command}`);
  return run(found, place);
}

function commandIn(place, name, command) {
  const bins = path.join(place, 'node_modules', '.bin');
  if (fs.existsSync(path.join(bins, command))) return path.join(bins, command);
  const file = path.join(place, 'node_modules', name, 'package.json');
  const names = fs.existsSync(file) ? Object.keys(Object(JSON.parse(fs.readFileSync(file, 'utf8')).bin)) : [];
  return names.length === 1 ? path.join(bins, names[0]) : null;
}
