// The global `process`, the first part of it.

import native from 'pywasm:native';
import { nextTick } from './timers.js';

export const state = { exitCode: undefined };

export const process = {
  title: 'node',
  version: 'v20.18.1',
  versions: { node: '20.18.1', quickjs: '0.17.0' },
  platform: 'linux',
  arch: 'wasm32',
  pid: 1,
  ppid: 0,
  execPath: '/usr/bin/node',
  argv: ['/usr/bin/node'],
  env: {},
  nextTick,
  cwd: () => native.getcwd(),
  exit(code) {
    if (code !== undefined) process.exitCode = code;
    native.stop();
  },
  exitCode: undefined,
};
