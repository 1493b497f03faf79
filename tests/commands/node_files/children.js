// `node children.js NAME` prints what a case gives; the same as Node's.
const cp = require('node:child_process');
const { promisify } = require('node:util');
const fs = require('node:fs');

const told = (result) => ({ ...result, pid: typeof result.pid, error: result.error?.message });
const failure = ({ message, code, errno, syscall, path, spawnargs, status, signal, killed, cmd, stdout, stderr }) =>
  ({ message, code, errno, syscall, path, spawnargs, status, signal, killed, cmd, stdout: stdout && `${stdout}`, stderr: stderr && `${stderr}` });
const attempt = (step) => {
  try {
    return step();
  } catch (error) {
    return failure(error);
  }
};
const text = { encoding: 'utf8' };
const ended = (child, event = 'close') => new Promise((resolve) => child.on(event, (...values) => resolve(values)));
const events = async (child, names) => {
  const seen = [];
  for (const name of names) child.on(name, (...values) => seen.push([name, ...values.map((value) => (value instanceof Error ? failure(value) : value))]));
  await ended(child);
  return seen;
};
async function outputOf(child) {
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (chunk) => (stdout += chunk));
  child.stderr?.on('data', (chunk) => (stderr += chunk));
  const [code, signal] = await ended(child);
  return { stdout, stderr, code, signal };
}

const cases = {
  execSync: () => cp.execSync('echo a; echo b | tr b c'),
  execSyncText: () => cp.execSync('printf é', text),
  execSyncFails: () => attempt(() => cp.execSync('echo out; echo err >&2; exit 3', { stdio: 'pipe' })),
  execSyncShowsErrors: () => cp.execSync('echo err >&2; echo out', text),
  execSyncUnknown: () => attempt(() => cp.execSync('no-such-command', { stdio: 'pipe' })).status,
  execSyncInput: () => cp.execSync('cat', { input: 'given', encoding: 'utf8' }),
  execSyncEnv: () => cp.execSync('echo $A$B', { env: { A: 1, B: undefined, PATH: process.env.PATH }, encoding: 'utf8' }),
  execSyncCwd: () => cp.execSync('basename "$(pwd)"', { cwd: 'pkg', encoding: 'utf8' }),
  execSyncNoCwd: () => attempt(() => cp.execSync('true', { cwd: 'nowhere' })),
  execSyncInherit: () => cp.execSync('echo shown', { stdio: 'inherit' }),
  execSyncTimeout: () => attempt(() => cp.execSync('sleep 10', { timeout: 100 })),
  execSyncTooMuch: () => attempt(() => cp.execSync('seq 5000', { maxBuffer: 10 })).message,
  execFileSync: () => cp.execFileSync('printf', ['%s.', 'a b', '$HOME', '*'], text),
  execFileSyncFails: () => attempt(() => cp.execFileSync('sh', ['-c', 'exit 2'])),
  execFileSyncUnknown: () => attempt(() => cp.execFileSync('no-such-command', ['x'])),
  spawnSync: () => told(cp.spawnSync('sh', ['-c', 'cat; echo err >&2; exit 4'], { input: Buffer.from('in'), encoding: 'utf8' })),
  spawnSyncBuffers: () => told(cp.spawnSync('echo', ['x'])),
  spawnSyncShell: () => told(cp.spawnSync('echo $((1 + 1))', { shell: true, encoding: 'utf8' })),
  spawnSyncUnknown: () => told(cp.spawnSync('no-such-command', ['a'])),
  spawnSyncSignal: () => told(cp.spawnSync('sh', ['-c', 'kill -9 $$'], text)),
  spawnSyncIgnore: () => told(cp.spawnSync('cat', { stdio: ['ignore', 'pipe', 'ignore'], encoding: 'utf8' })),
  spawnSyncLarge: () => cp.spawnSync('cat', { input: 'x'.repeat(500000) }).stdout.length,
  spawnSyncUnread: () => cp.spawnSync('true', { input: 'x'.repeat(500000) }).status,
  spawnSyncFile: () => {
    const fd = fs.openSync('out.txt', 'w');
    cp.spawnSync('sh', ['-c', 'echo to file; echo too >&2'], { stdio: ['ignore', fd, fd] });
    fs.closeSync(fd);
    return fs.readFileSync('out.txt', 'utf8');
  },
  spawnSyncNode: () => cp.spawnSync(process.execPath, ['-p', '6 * 7'], text).stdout,
  misuse: () => [
    () => cp.spawn(''),
    () => cp.spawn(5),
    () => cp.spawn('true', 'x'),
    () => cp.execSync(''),
    () => cp.spawn('a\0b'),
    () => cp.spawnSync('true', { killSignal: 'SIGNOPE' }),
    () => cp.spawn('true', { stdio: 'nonsense' }),
  ].map((step) => attempt(step).code),

  exec: () => new Promise((resolve) => cp.exec('echo a; echo b >&2', (...values) => resolve(values))),
  execFails: () => new Promise((resolve) => cp.exec('echo e >&2; exit 5', (error, ...values) => resolve([failure(error), ...values]))),
  execBuffers: () => new Promise((resolve) => cp.exec('echo a', { encoding: 'buffer' }, (...values) => resolve(values))),
  execTimeout: () => new Promise((resolve) => cp.exec('sleep 10', { timeout: 100 }, (error) => resolve(failure(error)))),
  execTooMuch: () => new Promise((resolve) => cp.exec('seq 5000', { maxBuffer: 10 }, (error, stdout) => resolve([failure(error), stdout]))),
  execFile: () => new Promise((resolve) => cp.execFile('echo', ['a', 'b'], (...values) => resolve(values))),
  execFileUnknown: () => new Promise((resolve) => cp.execFile('no-such-command', ['a'], (error, ...values) => resolve([failure(error), ...values]))),
  promised: () => promisify(cp.exec)('echo p; echo q >&2'),
  promisedFails: () => promisify(cp.execFile)('sh', ['-c', 'echo o; exit 6']).catch(failure),
  spawn: () => outputOf(cp.spawn('sh', ['-c', 'echo out; echo err >&2; exit 7'])),
  spawnShell: () => outputOf(cp.spawn('echo $0; echo "$A" | tr a-z A-Z', { shell: true, env: { ...process.env, A: 'up' } })),
  spawnEvents: () => events(cp.spawn('true'), ['spawn', 'error', 'exit', 'close']),
  spawnUnknown: () => events(cp.spawn('no-such-command', ['x']), ['spawn', 'error', 'exit', 'close']),
  spawnArguments: () => {
    const child = cp.spawn('true', ['a', 'b']);
    return [child.spawnfile, child.spawnargs, typeof child.pid, child.exitCode, child.killed, child.connected, child.stdio.length];
  },
  spawnInput: () => {
    const child = cp.spawn('sort', ['-n']);
    for (const number of [10, 9, 1]) child.stdin.write(`${number}\n`);
    child.stdin.end();
    return outputOf(child);
  },
  spawnTalk: async () => {
    const child = cp.spawn('sh', ['-c', 'while read x; do echo "got $x"; done; echo end']);
    const answers = [];
    for (const word of ['one', 'two']) {
      child.stdin.write(`${word}\n`);
      answers.push(`${await new Promise((resolve) => child.stdout.once('data', resolve))}`);
    }
    child.stdin.end();
    return [answers, await outputOf(child)];
  },
  spawnKill: async () => {
    const child = cp.spawn('sleep', ['100']);
    const sent = child.kill();
    return [sent, child.killed, await ended(child, 'exit'), child.signalCode, child.exitCode, child.kill()];
  },
  spawnKillNumber: async () => {
    const child = cp.spawn('sleep', ['100']);
    process.kill(child.pid, 'SIGKILL');
    return ended(child, 'exit');
  },
  spawnTimeout: () => outputOf(cp.spawn('sleep', ['100'], { timeout: 100, killSignal: 'SIGKILL' })),
  spawnAbort: () => {
    const controller = new AbortController();
    const child = cp.spawn('sleep', ['100'], { signal: controller.signal });
    setTimeout(() => controller.abort(), 50);
    return new Promise((resolve) => child.on('error', ({ name, code }) => resolve([name, code])));
  },
  spawnPipes: () => {
    const one = cp.spawn('seq', ['20']);
    const other = cp.spawn('tail', ['-2']);
    one.stdout.pipe(other.stdin);
    return outputOf(other);
  },
  spawnLarge: async () => {
    const child = cp.spawn('cat');
    let size = 0;
    child.stdout.on('data', (chunk) => (size += chunk.length));
    child.stdin.end('z'.repeat(2000000));
    await ended(child);
    return size;
  },
  spawnLines: async () => {
    const lines = [];
    const child = cp.spawn('seq', ['3']);
    for await (const line of require('readline').createInterface({ input: child.stdout })) lines.push(line);
    return lines;
  },
  spawnUnread: async () => ended(cp.spawn('seq', ['10'])),
  spawnBrokenPipe: async () => {
    const child = cp.spawn('true');
    await ended(child, 'exit');
    return child.stdin.destroyed;
  },
  spawnInherit: async () => {
    const child = cp.spawn('echo', ['straight through'], { stdio: 'inherit' });
    return [child.stdin, child.stdout, child.stderr, await ended(child)];
  },
  spawnToOther: () => outputOf(cp.spawn('sh', ['-c', 'echo e >&2; echo o'], { stdio: ['ignore', process.stderr, 'pipe'] })),
  spawnIsConcurrent: async () => {
    const started = Date.now();
    await Promise.all([1, 2, 3, 4].map(() => ended(cp.spawn('sleep', ['0.5']))));
    return Date.now() - started < 1900;
  },
  timersGoOn: async () => {
    let ticks = 0;
    const timer = setInterval(() => ticks++, 10);
    await ended(cp.spawn('sleep', ['0.4']));
    clearInterval(timer);
    return ticks > 5;
  },
  unref: () => {
    const child = cp.spawn('sleep', ['100'], { stdio: 'ignore' });
    child.unref();
    process.on('exit', () => child.kill());
    return 'ends at once';
  },
  nested: () => cp.execSync(`"${process.execPath}" -p "require('child_process').execSync('echo deep').toString()"`, text),
};

Promise.resolve(cases[process.argv[2]]()).then((value) => console.log(value));
module.exports = Object.keys(cases);
