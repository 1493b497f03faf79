// Date's methods, which in FormatJS turn any error into "Invalid Date"; and the time zone of the environment.

import { remembering } from './kept.js';

const formats = {
  toLocaleString: { date: true, time: true },
  toLocaleDateString: { date: true },
  toLocaleTimeString: { time: true },
};
const dateFields = ['weekday', 'year', 'month', 'day'];
const timeFields = ['dayPeriod', 'hour', 'minute', 'second', 'fractionalSecondDigits'];

// https://tc39.es/ecma402/#sec-createdatetimeformat, steps about required and defaults
function withDefaults(options, { date, time }) {
  const given = options === undefined ? {} : Object(options);
  const wanted = [...(date ? dateFields : []), ...(time ? timeFields : [])];
  const styles = ['dateStyle', 'timeStyle'].filter((style) => given[style] !== undefined);
  if (!date && given.dateStyle !== undefined) throw new TypeError('Invalid option : dateStyle');
  if (!time && given.timeStyle !== undefined) throw new TypeError('Invalid option : timeStyle');
  if (styles.length || wanted.some((field) => given[field] !== undefined)) return given;
  const result = Object.create(given);
  if (date) Object.assign(result, { year: 'numeric', month: 'numeric', day: 'numeric' });
  if (time) Object.assign(result, { hour: 'numeric', minute: 'numeric', second: 'numeric' });
  return result;
}

function makeFormat(method, locales, options) {
  try {
    return new Intl.DateTimeFormat(locales, withDefaults(options, formats[method]));
  } catch (error) {
    if (error instanceof RangeError && /timeZone/.test(error.message)) {
      throw new RangeError(`Invalid time zone specified: ${options.timeZone}`);
    }
    throw error;
  }
}

for (const method of Object.keys(formats)) {
  const formatOf = remembering((locales, options) => makeFormat(method, locales, options));
  Object.defineProperty(Date.prototype, method, {
    value: {
      [method](locales, options) {
        const time = Date.prototype.getTime.call(this);
        const format = formatOf(locales, options);
        return Number.isNaN(time) ? 'Invalid Date' : format.format(time);
      },
    }[method],
    writable: true,
    enumerable: false,
    configurable: true,
  });
}

// The first use parses patterns, which shall be in the image.
const now = new Date(0);
now.toLocaleString();
now.toLocaleDateString('en-US', { dateStyle: 'medium', timeZone: 'America/New_York' });
now.toLocaleTimeString();
