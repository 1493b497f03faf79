// Date's methods, which in FormatJS turn any error into "Invalid Date"; and the time zone of the environment.

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

const kept = new Map();

// Without options there is one format a method and locale, which takes a millisecond to make.
function formatOf(method, locales, options) {
  if (options !== undefined || (locales !== undefined && typeof locales !== 'string')) {
    return new Intl.DateTimeFormat(locales, withDefaults(options, formats[method]));
  }
  const key = `${method} ${locales}`;
  let format = kept.get(key);
  if (!format) {
    format = new Intl.DateTimeFormat(locales, withDefaults(undefined, formats[method]));
    if (kept.size < 32) kept.set(key, format);
  }
  return format;
}

for (const method of Object.keys(formats)) {
  Object.defineProperty(Date.prototype, method, {
    value: {
      [method](locales, options) {
        const time = Date.prototype.getTime.call(this);
        const format = formatOf(method, locales, options);
        return Number.isNaN(time) ? 'Invalid Date' : format.format(time);
      },
    }[method],
    writable: true,
    enumerable: false,
    configurable: true,
  });
}
