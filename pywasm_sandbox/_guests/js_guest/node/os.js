// node:os, of the sandbox and not of the machine that it runs on.

import native from 'pywasm:native';
import { signals } from './signals.js';

const TOTAL = 4 * 2 ** 30;

const cpu = { model: 'WebAssembly', speed: 0, times: { user: 0, nice: 0, sys: 0, idle: 0, irq: 0 } };

export default {
  EOL: '\n',
  arch: () => process.arch,
  availableParallelism: () => 1,
  constants: { signals: { ...signals }, errno: {}, priority: {}, dlopen: {}, UV_UDP_REUSEADDR: 4 },
  cpus: () => [structuredClone(cpu)],
  devNull: '/dev/null',
  endianness: () => 'LE',
  freemem: () => TOTAL - native.heapSize(),
  getPriority: () => 0,
  homedir: () => process.env.HOME ?? '/home/user',
  hostname: () => 'sandbox',
  loadavg: () => [0, 0, 0],
  machine: () => 'wasm32',
  networkInterfaces: () => ({}),
  platform: () => process.platform,
  release: () => '6.0.0',
  setPriority() {},
  tmpdir: () => process.env.TMPDIR ?? '/tmp',
  totalmem: () => TOTAL,
  type: () => 'Linux',
  uptime: () => native.monotonic() / 1000,
  userInfo: () => ({ uid: 1000, gid: 1000, username: process.env.USER ?? 'user', homedir: process.env.HOME ?? '/home/user', shell: null }),
  version: () => '#1 WebAssembly',
};
