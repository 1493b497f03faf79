// The guest's main module: the engine runs it once, when the image is made.

import native from 'pywasm:native';
import './atomics.js';
import './early.js';
import './prelude.js';
import './environment.js';
import { handle, stopped } from './session.js';
import { turn } from './loop.js';

native.setHooks(handle, turn, stopped);
native.hideOwnFrames(true);
