/** Below this length V8 zeroes an array faster than Node allocates memory outside of its heap. */
const SHORT = 4096;

/**
 * Returns an array with any content. Zeroing the arrays of each step took 7 % of the data plane's time. The caller must
 * write every element before anyone reads one.
 * @param length  number of float32 values
 */
export function uninitializedFloats(length: number): Float32Array<ArrayBuffer> {
  if (length < SHORT) return new Float32Array(length);
  // allocUnsafeSlow does not use the shared pool, so the array owns its whole buffer.
  return new Float32Array(Buffer.allocUnsafeSlow(4 * length).buffer as ArrayBuffer, 0, length);
}
