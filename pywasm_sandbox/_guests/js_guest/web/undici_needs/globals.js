// Globals that undici names and that this platform does not have, or has later.

export { Buffer } from 'buffer';

export class MessagePort {}
