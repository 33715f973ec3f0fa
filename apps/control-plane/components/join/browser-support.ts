/** The smallest module with a SIMD instruction (i8x16.popcnt); ONNX Runtime's WebAssembly is full of them. */
const SIMD_MODULE = Uint8Array.of(
  0,
  97,
  115,
  109,
  1,
  0,
  0,
  0,
  1,
  5,
  1,
  96,
  0,
  1,
  123,
  3,
  2,
  1,
  0,
  10,
  10,
  1,
  8,
  0,
  65,
  0,
  253,
  15,
  253,
  98,
  11,
);

/** Why this browser cannot be a device, and what to do; null where it can. */
export function unsupportedReason(): string | null {
  if (typeof Worker === 'undefined' || typeof WebAssembly === 'undefined') {
    return 'It has no WebAssembly or no Workers. Lockdown modes switch them off; allow them for this page, or use another browser.';
  }
  if (!WebAssembly.validate(SIMD_MODULE)) {
    return 'Its WebAssembly has no SIMD, which ONNX Runtime needs. Chrome and Edge have it from version 91 on, Firefox from 89, Safari from 16.4.';
  }
  return null;
}
