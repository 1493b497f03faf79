// What a run waits for besides its timers: descriptors of the sandbox, and the ends of its children.

import { max, SafeMap } from './primordials.js';
import { call } from './wire.js';

const watches = new SafeMap(); // Watch -> true

class Watch {
  isReferenced = true;

  constructor(target, callback) {
    this.target = target;
    this.callback = callback;
    watches.set(this, true);
  }

  close() {
    watches.delete(this);
  }
}

// Each calls `callback` once, unless it is closed before.
export const whenReadable = (fd, callback) => new Watch({ fd, isWrite: false }, callback);
export const whenWritable = (fd, callback) => new Watch({ fd, isWrite: true }, callback);
export const whenOver = (pid, callback) => new Watch({ pid }, callback);

// Waits in the host: `fds` are [descriptor, is it for writing]. What is ready, and which children are over.
export function poll(fds, pids, milliseconds) {
  return call('process.poll', { fds, pids, milliseconds: max(-1, Math.ceil(milliseconds)) });
}

// ---- for the loop

export const hasWatches = () => watches.size > 0;

export function isWatching() {
  let isFound = false;
  if (watches.size > 0) {
    watches.forEach((_, watch) => {
      isFound ||= watch.isReferenced;
    });
  }
  return isFound;
}

export const clearWatches = () => watches.clear();

// Waits so long (less than 0: without end) and calls what became due; whether there was something.
export function runWatches(milliseconds, onError) {
  const all = [];
  watches.forEach((_, watch) => all.push(watch));
  const ofDescriptors = all.filter(({ target }) => target.fd !== undefined);
  const ofChildren = all.filter(({ target }) => target.pid !== undefined);
  const { ready, over } = poll(
    ofDescriptors.map(({ target }) => [target.fd, target.isWrite]),
    ofChildren.map(({ target }) => target.pid),
    milliseconds,
  );
  const due = [...ready.map((index) => ofDescriptors[index]), ...ofChildren.filter(({ target }) => over.includes(target.pid))];
  for (const watch of due) {
    if (!watches.delete(watch)) continue; // one before it closed it
    try {
      watch.callback();
    } catch (error) {
      onError(error);
    }
  }
  return due.length > 0;
}
