// TextEncoder, TextDecoder and their streams, with all encodings of the Encoding Standard.

import { TextDecoder, TextDecoderStream, TextEncoder, TextEncoderStream } from '@exodus/bytes/encoding.js';
import { defineGlobals } from './define.js';

defineGlobals({ TextDecoder, TextDecoderStream, TextEncoder, TextEncoderStream });
