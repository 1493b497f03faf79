// From values to MIME bundles, and the functions that show them.

import { inspect } from '../packages.js';
import { emitDisplay } from './wire.js';

export function showResult(value) {
  if (value === undefined || value === null) return;
  emitDisplay({ 'text/plain': typeof value === 'string' ? value : inspect(value) }, {}, { main: true });
}

export function display(value) {
  emitDisplay({ 'text/plain': typeof value === 'string' ? value : inspect(value) });
}
