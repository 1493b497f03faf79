// How locale data is taken in: English is American English, the default, and as V8 has it, which differs from the
// data of CLDR in two points.

const classes = [
  Intl.PluralRules,
  Intl.NumberFormat,
  Intl.DateTimeFormat,
  Intl.ListFormat,
  Intl.RelativeTimeFormat,
  Intl.DisplayNames,
];

// V8 writes a plain space before AM and PM, for the sake of those who parse it.
function withPlainSpaces(value) {
  if (typeof value === 'string') return value.replaceAll('\u202f', ' ');
  if (Array.isArray(value)) return value.map(withPlainSpaces);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withPlainSpaces(item)]));
}

// Dates in full and their times are joined by "at". CLDR has that in a table of its own, which FormatJS leaves out.
const joined = {
  de: "{1} 'um' {0}",
  en: "{1} 'at' {0}",
  fr: "{1} 'à' {0}",
  it: "{1} 'alle' 'ore' {0}",
  nl: "{1} 'om' {0}",
  pt: "{1} 'às' {0}",
  sv: "{1} 'kl'. {0}",
};

function withAt(data, language) {
  const pattern = joined[language];
  if (pattern === undefined) return data;
  return { ...data, dateTimeFormat: { ...data.dateTimeFormat, full: pattern, long: pattern } };
}

// FormatJS looks through all intervals for one of a date, those of dates with times too, which can't be it: a
// second of work. These are found by their names alone when they are inherited.
function withQuickIntervals(data) {
  const own = {};
  const inherited = {};
  for (const [skeleton, patterns] of Object.entries(data.intervalFormats)) {
    (skeleton.includes(', ') ? inherited : own)[skeleton] = patterns;
  }
  return { ...data, intervalFormats: Object.assign(Object.create(inherited), own) };
}

for (const type of classes) {
  const add = type.__addLocaleData;
  type.__addLocaleData = function addLocaleData(...entries) {
    for (const entry of entries) {
      let plain = entry;
      if (type === Intl.DateTimeFormat) {
        const [language] = entry.locale.split('-');
        const data = language === 'en' ? withPlainSpaces(entry.data) : entry.data;
        plain = { ...entry, data: withQuickIntervals(withAt(data, language)) };
      }
      if (entry.locale === 'en') {
        add({ ...plain, locale: 'en-US' });
        type.__defaultLocale = 'en-US';
        type.availableLocales.add('en');
        // The same object: its patterns are parsed once.
        Object.defineProperty(type.localeData, 'en', { get: () => type.localeData['en-US'], configurable: true });
      } else {
        add(plain);
      }
    }
  };
}

Object.defineProperty(Intl, Symbol.toStringTag, { value: 'Intl', configurable: true });
