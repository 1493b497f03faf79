// Intl, which the engine lacks, from FormatJS with the data of English and of all time zones; and the methods of
// Number, BigInt, Date, String and Array that use it.

import '@formatjs/intl-getcanonicallocales/polyfill-force.js';
import '@formatjs/intl-locale/polyfill-force.js';
import '@formatjs/intl-pluralrules/polyfill-force.js';
import '@formatjs/intl-numberformat/polyfill-force.js';
import '@formatjs/intl-datetimeformat/polyfill-force.js';
import '@formatjs/intl-listformat/polyfill-force.js';
import '@formatjs/intl-relativetimeformat/polyfill-force.js';
import '@formatjs/intl-segmenter/polyfill-force.js';
import '@formatjs/intl-displaynames/polyfill-force.js';
import '@formatjs/intl-durationformat/polyfill-force.js';
import '@formatjs/intl-supportedvaluesof/polyfill-force.js';
import './locale_data.js';
import './time_zones.js';
import '@formatjs/intl-pluralrules/locale-data/en.js';
import '@formatjs/intl-numberformat/locale-data/en.js';
import '@formatjs/intl-datetimeformat/locale-data/en.js';
import '@formatjs/intl-datetimeformat/add-all-tz.js';
import '@formatjs/intl-listformat/locale-data/en.js';
import '@formatjs/intl-relativetimeformat/locale-data/en.js';
import '@formatjs/intl-displaynames/locale-data/en.js';
import './locales.js';
import './dates.js';
import './numbers.js';
import './arrays.js';
import './collator.js';
