// What the guest asks of its host.

const native = globalThis.__host;

export const request = (message) => JSON.parse(native.request(JSON.stringify(message)));
export const randomFill = (bytes) => (native.randomFill(bytes.buffer, bytes.byteOffset, bytes.byteLength), bytes);
