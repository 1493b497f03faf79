// Further locales: numbers and dates, without the names of time zones and currencies. Each is unpacked when it is
// first asked for. build/recipes/js_prelude.py makes the data, { locale: { numbers, dates } }, both as JSON text.

import '@formatjs/intl-pluralrules/locale-data/de.js';
import '@formatjs/intl-pluralrules/locale-data/es.js';
import '@formatjs/intl-pluralrules/locale-data/fr.js';
import '@formatjs/intl-pluralrules/locale-data/it.js';
import '@formatjs/intl-pluralrules/locale-data/ja.js';
import '@formatjs/intl-pluralrules/locale-data/ko.js';
import '@formatjs/intl-pluralrules/locale-data/nl.js';
import '@formatjs/intl-pluralrules/locale-data/pt.js';
import '@formatjs/intl-pluralrules/locale-data/sv.js';
import '@formatjs/intl-pluralrules/locale-data/zh.js';
import locales from '#locales';

function register(type, locale, text) {
  type.availableLocales.add(locale);
  Object.defineProperty(type.localeData, locale, {
    get() {
      delete type.localeData[locale];
      type.__addLocaleData({ locale, data: JSON.parse(text) });
      return type.localeData[locale];
    },
    enumerable: true,
    configurable: true,
  });
}

for (const [locale, { numbers, dates }] of Object.entries(locales)) {
  register(Intl.NumberFormat, locale, numbers);
  register(Intl.DateTimeFormat, locale, dates);
}
