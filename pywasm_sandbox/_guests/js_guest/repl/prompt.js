// `prompt`, as browsers and Deno have it: a line of input from the host's `on_input`.

import { call } from './wire.js';

export function prompt(message = 'Prompt', defaultValue = null) {
  try {
    return call('input', { prompt: `${message} `, password: false });
  } catch (error) {
    if (error.name === 'EOFError') return defaultValue;
    throw error;
  }
}
