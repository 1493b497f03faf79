// Time zones are unpacked one by one when first asked for: all of them are half a second and 10 MB.

function unpack(text, abbreviations, offsets) {
  return text.split('|').map((transition) => {
    const [time, abbreviation, offset, daylight] = transition.split(',');
    return [
      time === '' ? -Infinity : parseInt(time, 36),
      abbreviations[Number(abbreviation)],
      offsets[Number(offset)],
      daylight === '1',
    ];
  });
}

Intl.DateTimeFormat.__addTZData = function addTimeZones(data) {
  const abbreviations = data.abbrvs.split('|');
  const offsets = data.offsets.split('|').map((offset) => parseInt(offset, 36));
  const zones = {};
  for (const packed of data.zones) {
    const end = packed.indexOf('|');
    const name = packed.slice(0, end);
    Object.defineProperty(zones, name, {
      get() {
        const value = unpack(packed.slice(end + 1), abbreviations, offsets);
        Object.defineProperty(zones, name, { value, enumerable: true });
        return value;
      },
      enumerable: true,
      configurable: true,
    });
  }
  Intl.DateTimeFormat.tzData = zones;
};
