// The event loop's JavaScript half: what is due next, and how a run ends.
//
// The engine drains promise jobs, then calls `turn`, which does one thing (a tick, a timer) and says how long
// to sleep before the next: 0 for not at all, less than 0 when the run is over.

import native from 'pywasm:native';
import { max, SafeMap } from './primordials.js';
import { runDue, hasWork, millisecondsToNext, clearAll, runTicks } from './timers.js';
import { clearWatches, hasWatches, isWatching, runWatches } from './watches.js';

const rejected = new SafeMap(); // promise -> reason, of those that nobody handles

let run = null;

// A run: `isPending` while its code is, `fail(error)` to report, `onIdle()` when nothing is left, which may have
// made more to do, `finish()` when there is nothing indeed.
export function begin(newRun) {
  run = newRun;
  if (rejected.size > 0) rejected.clear();
}

export function current() {
  return run;
}

native.onRejection((promise, reason, isHandled) => {
  if (isHandled) rejected.delete(promise);
  else rejected.set(promise, reason);
});

// Ends the run: what is queued is dropped.
export function abandon() {
  clearAll();
  clearWatches();
  rejected.clear();
}

function takeRejection() {
  if (rejected.size === 0) return null;
  const oldest = rejected.first();
  rejected.delete(oldest[0]);
  return { promise: oldest[0], reason: oldest[1] };
}

export function turn() {
  if (run === null) return -1;
  if (!run.isOver && runTicks()) return 0;
  const rejection = run.isOver ? null : takeRejection();
  if (rejection !== null) {
    run.onRejection(rejection.reason, rejection.promise);
    return 0;
  }
  const onError = (error) => run.onUncaught(error);
  if (!run.isOver && hasWatches() && runWatches(0, onError)) return 0;
  if (!run.isOver && runDue(onError)) return 0;
  if (!run.isOver && (hasWork() || isWatching())) {
    const milliseconds = millisecondsToNext();
    if (!hasWatches()) return max(milliseconds, 0);
    runWatches(milliseconds, onError);
    return 0;
  }
  if (!run.isOver && run.isPending) {
    run.onDeadlock();
    return 0;
  }
  if (!run.isOver && run.onIdle !== undefined && run.onIdle()) return 0;
  const { finish } = run;
  run = null;
  finish();
  return -1;
}
