// In the place of the package abort-controller: the platform's own.

export const AbortController = globalThis.AbortController;
export const AbortSignal = globalThis.AbortSignal;
export default AbortController;
