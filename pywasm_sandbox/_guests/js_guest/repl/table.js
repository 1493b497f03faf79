// `console.table`, drawn as Node draws it.

import { inspect, stripVTControlCharacters } from '../packages.js';

const MAX_DEPTH_OPTIONS = { maxArrayLength: 3, breakLength: Infinity };

const cell = (value) => {
  const isDeep = value !== null && typeof value === 'object' && !Array.isArray(value) && Object.keys(value).length > 2;
  return inspect(value, { ...MAX_DEPTH_OPTIONS, depth: isDeep ? -1 : 0 });
};

const widthOf = (text) => {
  let width = 0;
  for (const character of stripVTControlCharacters(text).normalize('NFC')) {
    if (/\p{Mn}|\p{Me}|\p{Cf}/u.test(character)) continue;
    width += /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Extended_Pictographic}/u.test(character) && !/[\u00a9\u00ae]/.test(character) ? 2 : 1;
  }
  return width;
};

const pad = (text, width) => ` ${text}${' '.repeat(width - widthOf(text) - 1)}`;

function draw(head, rows) {
  const widths = head.map((name, index) => Math.max(widthOf(name), ...rows.map((row) => widthOf(row[index] ?? ''))) + 2);
  const line = (left, middle, right) => left + widths.map((width) => '─'.repeat(width)).join(middle) + right;
  const text = (row) => `│${widths.map((width, index) => pad(row[index] ?? '', width)).join('│')}│`;
  return [line('┌', '┬', '┐'), text(head), line('├', '┼', '┤'), ...rows.map(text), line('└', '┴', '┘')].join('\n');
}

const INDEX = '(index)';
const ITERATION = '(iteration index)';
const VALUES = 'Values';

const isPrimitive = (value) => value === null || (typeof value !== 'object' && typeof value !== 'function');

function rowsOf(data) {
  if (data instanceof Map) {
    const rows = [...data].map(([key, value], index) => [`${index}`, cell(key), cell(value)]);
    return { drawn: draw([ITERATION, 'Key', VALUES], rows) };
  }
  if (data instanceof Set) {
    return { drawn: draw([ITERATION, VALUES], [...data].map((value, index) => [`${index}`, cell(value)])) };
  }
  return { entries: Object.keys(data).map((key) => [key, data[key]]) };
}

// The text; null for what is no table.
export function renderTable(data, wanted) {
  if (isPrimitive(data)) return null;
  const { drawn, entries } = rowsOf(data);
  if (drawn !== undefined) return drawn;
  const columns = wanted ? [...wanted] : [];
  let hasValues = false;
  const rows = entries.map(([key, value]) => {
    if (isPrimitive(value)) {
      hasValues = true;
      return { key, value: cell(value), cells: {} };
    }
    const cells = {};
    for (const name of wanted ?? Object.keys(value)) {
      if (!Object.hasOwn(value, name)) continue;
      if (!columns.includes(name)) columns.push(name);
      cells[name] = cell(value[name]);
    }
    return { key, value: '', cells };
  });
  const head = [INDEX, ...columns, ...(hasValues ? [VALUES] : [])];
  return draw(
    head,
    rows.map((row) => [row.key, ...columns.map((name) => row.cells[name] ?? ''), row.value]),
  );
}
