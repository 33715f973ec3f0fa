/** The smallest WebAssembly module with a SIMD instruction (i8x16.popcnt), in base64. ONNX Runtime needs SIMD. */
const SIMD_MODULE = 'AGFzbQEAAAABBQFgAAF7AwIBAAoKAQgAQQD9D/1iCw==';

/** Says why this browser cannot be a device, and what to do; null if it can. */
export function unsupportedReason(): string | null {
  if (typeof Worker === 'undefined' || typeof WebAssembly === 'undefined') {
    return 'It has no WebAssembly or no workers. Lockdown modes disable them: allow them for this page, or use another browser.';
  }
  const bytes = Uint8Array.from(atob(SIMD_MODULE), (character) => character.charCodeAt(0));
  if (!WebAssembly.validate(bytes)) {
    return 'Its WebAssembly has no SIMD, which ONNX Runtime needs. Use Chrome or Edge 91, Firefox 89, Safari 16.4, or a newer version.';
  }
  return null;
}
