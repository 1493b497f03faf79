// The global `process`.

import native from 'pywasm:native';
import { endingSignals, signalName, signalNumber, signals } from '../node/signals.js';
import { nextTick, setImmediate } from './timers.js';
import { poll } from './watches.js';
import { call } from './wire.js';

const { defineProperty } = Reflect;
const text = String;

const NODE_VERSION = '20.18.1';
const NANOSECONDS = 1_000_000_000n;

// Variables are text, as everywhere.
const env = new Proxy(
  {},
  {
    set(target, name, value) {
      if (typeof name === 'string') target[name] = text(value);
      return true;
    },
    defineProperty(target, name, descriptor) {
      return defineProperty(target, name, { ...descriptor, value: text(descriptor.value) });
    },
  },
);

let startedAt = native.monotonic();

function hrtime(previous) {
  const now = native.nanoseconds();
  const pair = [Number(now / NANOSECONDS), Number(now % NANOSECONDS)];
  if (previous === undefined) return pair;
  const seconds = pair[0] - previous[0];
  const nanoseconds = pair[1] - previous[1];
  return nanoseconds < 0 ? [seconds - 1, nanoseconds + 1e9] : [seconds, nanoseconds];
}
hrtime.bigint = () => native.nanoseconds();

export const process = {
  title: 'node',
  version: `v${NODE_VERSION}`,
  versions: { node: NODE_VERSION, quickjs: '0.17.0', pywasm: '1' },
  release: { name: 'node', lts: 'Iron' },
  platform: 'linux',
  arch: 'wasm32',
  pid: 1,
  ppid: 0,
  execPath: '/usr/bin/node',
  execArgv: [],
  argv: ['/usr/bin/node', '/workspace/cell.js'],
  argv0: 'node',
  env,
  config: { target_defaults: {}, variables: {} },
  features: {},
  exitCode: undefined,
  nextTick,
  hrtime,
  cwd() {
    const path = native.getcwd();
    if (typeof path === 'number') throw new Error('ENOENT: no such file or directory, uv_cwd');
    return path;
  },
  chdir(path) {
    const status = native.chdir(String(path));
    if (status < 0) {
      const code = Object.entries(native.errnos).find(([, number]) => number === -status)?.[0] ?? 'EIO';
      const reason = native.errnoText(-status).toLowerCase();
      throw Object.assign(new Error(`${code}: ${reason}, chdir ${native.getcwd()} -> '${path}'`), {
        errno: status,
        code,
        syscall: 'chdir',
        path: native.getcwd(),
        dest: String(path),
      });
    }
    env.PWD = native.getcwd();
  },
  exit(code) {
    if (code !== undefined) process.exitCode = code;
    process.emit?.('exit', process.exitCode ?? 0);
    native.stop();
  },
  reallyExit(code) {
    process.exitCode = code;
    native.stop();
  },
  abort() {
    process.exitCode = 134;
    native.stop();
  },
  kill(pid, signal) {
    const number = signalNumber(signal);
    const isOwn = pid === process.pid;
    if (isOwn && process.listenerCount(signalName(number)) > 0 && number !== signals.SIGKILL) {
      setImmediate(() => process.emit(signalName(number), signalName(number), number));
      return true;
    }
    try {
      call('process.kill', { pid: Number(pid), signal: number });
    } catch (error) {
      throw Object.assign(new Error(`kill ${error.errno ?? 'EINVAL'}`), { errno: -3, code: error.errno ?? 'EINVAL', syscall: 'kill' });
    }
    if (isOwn && endingSignals.has(number)) poll([], [], -1); // until it takes effect
    return true;
  },
  uptime: () => (native.monotonic() - startedAt) / 1000,
  umask: () => 0o022,
  getuid: () => 1000,
  geteuid: () => 1000,
  getgid: () => 1000,
  getegid: () => 1000,
  getgroups: () => [1000],
  memoryUsage() {
    const used = native.heapSize();
    return { rss: used, heapTotal: used, heapUsed: used, external: 0, arrayBuffers: 0 };
  },
  cpuUsage(previous = { user: 0, system: 0 }) {
    return { user: Math.round(native.monotonic() * 1000) - previous.user, system: 0 - previous.system };
  },
  resourceUsage: () => ({ userCPUTime: Math.round(native.monotonic() * 1000), systemCPUTime: 0, maxRSS: native.heapSize() >> 10 }),
  constrainedMemory: () => 0,
  availableMemory: () => 0,
  getActiveResourcesInfo: () => [],
  allowedNodeEnvironmentFlags: new Set(),
  sourceMapsEnabled: true,
  setSourceMapsEnabled() {},
  emitWarning(warning, type = 'Warning') {
    const name = typeof warning === 'object' ? warning.name : typeof type === 'object' ? (type.type ?? 'Warning') : type;
    native.print(2, `(node:1) ${name}: ${warning?.message ?? warning}\n`);
  },
  binding() {
    throw new Error('process.binding is not available in this sandbox');
  },
};
process.memoryUsage.rss = () => native.heapSize();
Object.defineProperty(process, Symbol.toStringTag, { value: 'process', configurable: true });

// Where the variables are: the user may have put another object there, or something that is none.
export function environment() {
  const own = process.env;
  return typeof own === 'object' && own !== null ? own : env;
}

// What a clone of the image renews.
export function renewProcess() {
  startedAt = native.monotonic();
}

function standardStream(descriptor, { Writable }) {
  const stream = new Writable({
    decodeStrings: false,
    write(chunk, encoding, callback) {
      native.print(descriptor, typeof chunk === 'string' ? chunk : native.decode(chunk, 0, chunk.length, false));
      callback();
    },
  });
  stream.fd = descriptor;
  stream.destroy = () => stream; // it stays open, as Node's
  stream.end = (...args) => {
    const callback = typeof args.at(-1) === 'function' ? args.pop() : null;
    if (args[0] !== undefined && args[0] !== null) stream.write(...args);
    nextTick(() => {
      callback?.();
      stream.emit('finish'); // what `pipeline` awaits
      stream.emit('close');
    });
    return stream;
  };
  return stream;
}

// What needs Node's modules.
export function completeProcess(builtins) {
  const { events, fs, stream, util } = builtins;
  const prototype = Object.create(events.prototype);
  const constructor = Object.defineProperty(function () {}, 'name', { value: 'process' });
  constructor.prototype = prototype;
  Object.defineProperty(prototype, 'constructor', { value: constructor, writable: true, configurable: true });
  Object.setPrototypeOf(process, prototype);
  events.call(process);
  for (const name of ['_events', '_eventsCount', '_maxListeners']) {
    Object.defineProperty(process, name, { enumerable: false });
  }
  const streams = { stdout: standardStream(1, stream), stderr: standardStream(2, stream), stdin: stream.Readable.from([]) };
  for (const [name, value] of Object.entries(streams)) {
    Object.defineProperty(process, name, { value, writable: true, configurable: true, enumerable: true });
  }
  process.getBuiltinModule = function getBuiltinModule(id) {
    const name = text(id).replace(/^node:/, '');
    return Object.hasOwn(builtins, name) ? builtins[name] : undefined;
  };
  process.loadEnvFile = function loadEnvFile(path = '.env') {
    for (const [name, value] of Object.entries(util.parseEnv(fs.readFileSync(path, 'utf8')))) process.env[name] ??= value;
  };
}
