// performance: the engine has now() and timeOrigin, the rest of User Timing is here.

import { defineGlobals, inspectCustom } from './define.js';

const engine = globalThis.performance;
let entries = [];

class PerformanceEntry {
  constructor(name, entryType, startTime, duration, detail) {
    Object.assign(this, { name, entryType, startTime, duration, detail });
  }

  toJSON() {
    return { ...this };
  }
}

class PerformanceMark extends PerformanceEntry {
  constructor(name, options = {}) {
    super(String(name), 'mark', options.startTime ?? performance.now(), 0, options.detail ?? null);
  }
}

class PerformanceMeasure extends PerformanceEntry {}

const markNamed = (name) => {
  const mark = entries.findLast((entry) => entry.entryType === 'mark' && entry.name === name);
  if (!mark) throw new DOMException(`The "${name}" performance mark has not been set`, 'SyntaxError');
  return mark;
};

const moment = (value, fallback) => {
  if (value === undefined) return fallback;
  return typeof value === 'number' ? value : markNamed(String(value)).startTime;
};

class Performance extends EventTarget {
  get timeOrigin() {
    return engine.timeOrigin;
  }

  now() {
    return engine.now();
  }

  mark(name, options) {
    const mark = new PerformanceMark(name, options);
    entries.push(mark);
    return mark;
  }

  measure(name, startOrOptions, endMark) {
    const options = typeof startOrOptions === 'object' && startOrOptions !== null ? startOrOptions : null;
    let start = moment(options ? options.start : startOrOptions, undefined);
    let end = moment(options ? options.end : endMark, undefined);
    if (options?.duration !== undefined) {
      if (start === undefined) start = (end ?? this.now()) - options.duration;
      else end = start + options.duration;
    }
    start ??= 0;
    end ??= this.now();
    const measure = new PerformanceMeasure(String(name), 'measure', start, end - start, options?.detail ?? null);
    entries.push(measure);
    return measure;
  }

  getEntries() {
    return entries.toSorted((one, other) => one.startTime - other.startTime);
  }

  getEntriesByName(name, type) {
    return this.getEntries().filter((entry) => entry.name === name && (type === undefined || entry.entryType === type));
  }

  getEntriesByType(type) {
    return this.getEntries().filter((entry) => entry.entryType === type);
  }

  clearMarks(name) {
    entries = entries.filter((entry) => entry.entryType !== 'mark' || (name !== undefined && entry.name !== name));
  }

  clearMeasures(name) {
    entries = entries.filter((entry) => entry.entryType !== 'measure' || (name !== undefined && entry.name !== name));
  }

  toJSON() {
    return { timeOrigin: this.timeOrigin };
  }

  get [Symbol.toStringTag]() {
    return 'Performance';
  }

  [inspectCustom](depth, options, inspect) {
    return `Performance ${inspect({ timeOrigin: this.timeOrigin }, options)}`;
  }
}

defineGlobals({ performance: new Performance(), Performance, PerformanceEntry, PerformanceMark, PerformanceMeasure });
