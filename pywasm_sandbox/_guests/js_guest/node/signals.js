// Signals by name, with Linux' numbers.

import { codedError } from './errors.js';

export const signals = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGILL: 4,
  SIGTRAP: 5,
  SIGABRT: 6,
  SIGBUS: 7,
  SIGFPE: 8,
  SIGKILL: 9,
  SIGUSR1: 10,
  SIGSEGV: 11,
  SIGUSR2: 12,
  SIGPIPE: 13,
  SIGALRM: 14,
  SIGTERM: 15,
  SIGCHLD: 17,
  SIGCONT: 18,
  SIGSTOP: 19,
};

// Those whose default is to end a process; nothing comes of all others.
export const endingSignals = new Set([1, 2, 3, 6, 9, 13, 14, 15]);

// The number of one that has been given by name or number. Throws as Node does.
export function signalNumber(signal = 'SIGTERM') {
  if (Number.isInteger(signal)) return signal;
  const name = String(signal).toUpperCase();
  if (!Object.hasOwn(signals, name)) throw codedError(TypeError, 'ERR_UNKNOWN_SIGNAL', `Unknown signal: ${signal}`);
  return signals[name];
}

export const signalName = (number) => Object.keys(signals).find((name) => signals[name] === number) ?? `SIG${number}`;
