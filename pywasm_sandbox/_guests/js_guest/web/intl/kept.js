// Formats that were made lately: making one takes milliseconds, and loops use the same one again and again.

const KEPT = 64;

const isPlain = (value) =>
  typeof value !== 'object' || value === null || Object.values(value).every((item) => Object(item) !== item);

// `make(locales, options)`, remembered by its arguments where these are plain data.
export function remembering(make) {
  const kept = new Map();
  const remembered = (locales, options) => {
    if (!isPlain(locales) || !isPlain(options)) return make(locales, options);
    const key = JSON.stringify([locales, options]);
    let format = kept.get(key);
    if (format === undefined) {
      format = make(locales, options);
      if (kept.size === KEPT) kept.delete(kept.keys().next().value);
      kept.set(key, format);
    }
    return format;
  };
  remembered.forget = () => kept.clear();
  return remembered;
}
