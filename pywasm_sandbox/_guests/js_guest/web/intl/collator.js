// Intl.Collator and String.prototype.localeCompare: the order of the root collation for ASCII and Latin letters
// (punctuation, digits, letters regardless of accent and case; then accents; then lower case first). Other scripts
// are in code point order behind them. No package has this; the whole collation is a table of megabytes.

const ORDER = '_-,;:!?.\'"()[]{}@*/\\&#%`^+<=>|~$0123456789abcdefghijklmnopqrstuvwxyz';
const SPACES = '\t\n\v\f\r\u0085\u2028\u2029 ';
const PUNCTUATION = 32;
const OTHERS = 0x1000;

const EXPANSIONS = {
  '\u00a0': ' ',
  ª: 'a',
  º: 'o',
  '¹': '1',
  '²': '2',
  '³': '3',
  æ: 'ae',
  œ: 'oe',
  ß: 'ss',
  ø: 'o',
  đ: 'd',
  ð: 'd',
  ł: 'l',
  ħ: 'h',
  ſ: 's',
  ĳ: 'ij',
};

const primaries = new Map();
for (const [index, character] of [...SPACES].entries()) primaries.set(character, 1 + index);
for (const [index, character] of [...ORDER].entries()) primaries.set(character, PUNCTUATION + index);

const isMark = (code) => code >= 0x300 && code < 0x370;
const isDigit = (character) => character >= '0' && character <= '9';
// Controls have no weight.
const isIgnored = (code) => (code < 0x20 && !(code >= 9 && code <= 13)) || (code >= 0x7f && code < 0xa0) || code === 0xad;

// The weights of a text, level by level.
function weights(text, numeric, ignorePunctuation) {
  const primary = [];
  const secondary = [];
  const tertiary = [];
  const plain = text.normalize('NFD');
  const add = (character, accent, upper) => {
    const code = character.codePointAt(0);
    const weight = primaries.get(character) ?? OTHERS + code;
    if (ignorePunctuation && weight < primaries.get('0') && weight !== primaries.get('$')) return;
    primary.push(weight);
    secondary.push(accent);
    tertiary.push(upper ? 1 : 0);
  };
  const characters = [...plain];
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at];
    const code = character.codePointAt(0);
    if (isMark(code)) {
      if (secondary.length) secondary[secondary.length - 1] = secondary.at(-1) * 0x80 + code - 0x2ff;
    } else if (numeric && isDigit(character)) {
      let digits = character;
      while (at + 1 < characters.length && isDigit(characters[at + 1])) digits += characters[++at];
      const value = digits.replace(/^0+(?=.)/, '');
      // As one digit each, after how many there are: the longer number is the larger one.
      primary.push(primaries.get('0') + Math.min(value.length, 0xf00) / 0x1000);
      secondary.push(0);
      tertiary.push(0);
      for (const digit of value) add(digit, 0, false);
    } else if (!isIgnored(code)) {
      const lower = character.toLowerCase();
      const upper = lower !== character;
      const expansion = EXPANSIONS[lower];
      if (expansion === undefined) add(lower, 0, upper);
      else for (const part of expansion) add(part, 0x7f, upper);
    }
  }
  return { primary, secondary, tertiary };
}

function compareLists(one, other) {
  const length = Math.min(one.length, other.length);
  for (let at = 0; at < length; at++) {
    if (one[at] !== other[at]) return one[at] < other[at] ? -1 : 1;
  }
  return Math.sign(one.length - other.length);
}

const levels = {
  base: { accents: false, cases: false },
  accent: { accents: true, cases: false },
  case: { accents: false, cases: true },
  variant: { accents: true, cases: true },
};

const ASCII = /^[ -~]*$/;
const weightOfCode = Uint16Array.from({ length: 0x7f }, (_, code) =>
  code < 0x20 ? 0 : primaries.get(String.fromCharCode(code).toLowerCase()),
);
const isUpper = (code) => code >= 0x41 && code <= 0x5a;

// The same for printable ASCII and the usual settings, without lists.
function compareAscii(one, other) {
  const length = Math.min(one.length, other.length);
  let cases = 0;
  for (let at = 0; at < length; at++) {
    const first = one.charCodeAt(at);
    const second = other.charCodeAt(at);
    if (first === second) continue;
    const difference = weightOfCode[first] - weightOfCode[second];
    if (difference !== 0) return difference < 0 ? -1 : 1;
    if (cases === 0) cases = isUpper(first) ? 1 : -1;
  }
  return Math.sign(one.length - other.length) || cases;
}

function compareTexts(one, other, settings) {
  if (one === other) return 0;
  const isUsual = settings.sensitivity === 'variant' && !settings.numeric && !settings.ignorePunctuation;
  if (isUsual && settings.caseFirst !== 'upper' && ASCII.test(one) && ASCII.test(other)) return compareAscii(one, other);
  return compareWeights(one, other, settings);
}

function compareWeights(one, other, { sensitivity, numeric, ignorePunctuation, caseFirst }) {
  const { accents, cases } = levels[sensitivity];
  const first = weights(one, numeric, ignorePunctuation);
  const second = weights(other, numeric, ignorePunctuation);
  const result = compareLists(first.primary, second.primary);
  if (result) return result;
  const accent = accents ? compareLists(first.secondary, second.secondary) : 0;
  if (accent) return accent;
  const order = cases ? compareLists(first.tertiary, second.tertiary) : 0;
  return caseFirst === 'upper' ? -order || 0 : order;
}

function choice(options, name, values, fallback) {
  const value = options[name];
  if (value === undefined) return fallback;
  if (!values.includes(String(value))) {
    throw new RangeError(`Value ${value} out of range for Intl.Collator options property ${name}`);
  }
  return String(value);
}

class Collator {
  #settings;
  #compare;

  constructor(locales, options) {
    Intl.getCanonicalLocales(locales);
    const given = options === undefined ? {} : Object(options);
    const extension = typeof locales === 'string' ? locales : '';
    this.#settings = {
      locale: 'en-US',
      usage: choice(given, 'usage', ['sort', 'search'], 'sort'),
      sensitivity: choice(given, 'sensitivity', Object.keys(levels), 'variant'),
      ignorePunctuation: Boolean(given.ignorePunctuation),
      collation: 'default',
      numeric: given.numeric === undefined ? /-u(-\w+)*-kn(?!-false)/.test(extension) : Boolean(given.numeric),
      caseFirst: choice(given, 'caseFirst', ['upper', 'lower', 'false'], 'false'),
    };
  }

  get compare() {
    this.#compare ??= (one, other) => compareTexts(String(one), String(other), this.#settings);
    return this.#compare;
  }

  resolvedOptions() {
    return { ...this.#settings };
  }

  static supportedLocalesOf(locales) {
    return Intl.NumberFormat.supportedLocalesOf(locales);
  }

  get [Symbol.toStringTag]() {
    return 'Intl.Collator';
  }
}

// Collators can be called without `new`.
function CollatorFunction(locales, options) {
  return new Collator(locales, options);
}
Object.defineProperty(CollatorFunction, 'name', { value: 'Collator' });
CollatorFunction.prototype = Collator.prototype;
CollatorFunction.supportedLocalesOf = Collator.supportedLocalesOf;
Object.defineProperty(Collator.prototype, 'constructor', { value: CollatorFunction, configurable: true });

Object.defineProperty(Intl, 'Collator', { value: CollatorFunction, writable: true, configurable: true });

const standard = { sensitivity: 'variant', numeric: false, ignorePunctuation: false, caseFirst: 'false' };

Object.defineProperty(String.prototype, 'localeCompare', {
  value: function localeCompare(that, locales, options) {
    if (this == null) throw new TypeError('String.prototype.localeCompare called on null or undefined');
    if (locales === undefined && options === undefined) return compareTexts(String(this), String(that), standard);
    return new Collator(locales, options).compare(String(this), String(that));
  },
  writable: true,
  enumerable: false,
  configurable: true,
});
