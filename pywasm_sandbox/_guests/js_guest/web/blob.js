// Blob and File.

import Blob from 'fetch-blob';
import File from 'fetch-blob/file.js';
import { defineGlobals, showProperties } from './define.js';

showProperties(Blob, ['size', 'type']);
showProperties(File, ['size', 'type', 'name', 'lastModified']);

if (!Blob.prototype.bytes) {
  Object.defineProperty(Blob.prototype, 'bytes', {
    value: async function bytes() {
      return new Uint8Array(await this.arrayBuffer());
    },
    writable: true,
    configurable: true,
  });
}

defineGlobals({ Blob, File });
