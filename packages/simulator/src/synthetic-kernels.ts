import type { Tensor } from '@sparewheel/protocol';

/** The largest magnitude of a tensor between linear layers. */
export const LARGEST_VALUE = 3;

/** Quantized values are 37 · value + 128: 17 to 239. Odd factors keep the lowest bit of a sum in use. */
const SCALE = 37;
const ZERO_POINT = 128;

/** y = x · Wᵀ + b for a batch of rows. W is [rows, width]. */
export function linearKernel(weights: Float32Array, bias: Float32Array, width: number, x: Tensor): Tensor {
  const rows = bias.length;
  const batch = x.dims[0]!;
  const values = x.data as Float32Array;
  const data = new Float32Array(batch * rows);
  for (let n = 0; n < batch; n++) {
    for (let row = 0; row < rows; row++) {
      let sum = bias[row]!;
      for (let i = 0; i < width; i++) sum += weights[row * width + i]! * values[n * width + i]!;
      data[n * rows + row] = sum;
    }
  }
  return { type: 'float32', dims: [batch, rows], data };
}

/** Convolves each row without padding. */
export function convolutionKernel(weights: Float32Array, bias: number, x: Tensor): Tensor {
  const [batch, width] = [x.dims[0]!, x.dims[1]!];
  const values = x.data as Float32Array;
  const outputs = width - weights.length + 1;
  const data = new Float32Array(batch * outputs);
  for (let n = 0; n < batch; n++) {
    for (let i = 0; i < outputs; i++) {
      let sum = bias;
      for (let j = 0; j < weights.length; j++) sum += weights[j]! * values[n * width + i + j]!;
      data[n * outputs + i] = sum;
    }
  }
  return { type: 'float32', dims: [batch, outputs], data };
}

/** Pads each row with the zeros that a window of `window` elements needs to keep the width. */
export function zeroPadded({ dims, data }: Tensor, window: number): Tensor {
  const [batch, width] = [dims[0]!, dims[1]!];
  const padded = new Float32Array(batch * (width + window - 1));
  for (let n = 0; n < batch; n++) {
    const row = (data as Float32Array).subarray(n * width, (n + 1) * width);
    padded.set(row, n * (width + window - 1) + (window >> 1));
  }
  return { type: 'float32', dims: [batch, width + window - 1], data: padded };
}

/** Returns rows of `width` zeros that contain the columns of `part` from `at` on. */
export function placed({ dims, data }: Tensor, at: number, width: number): Tensor {
  const [batch, count] = [dims[0]!, dims[1]!];
  const whole = new Float32Array(batch * width);
  for (let n = 0; n < batch; n++) {
    whole.set((data as Float32Array).subarray(n * count, (n + 1) * count), n * width + at);
  }
  return { type: 'float32', dims: [batch, width], data: whole };
}

export function columns({ dims, data }: Tensor, from: number, to: number): Tensor {
  const [batch, width] = [dims[0]!, dims[1]!];
  const part = new Float32Array(batch * (to - from));
  for (let n = 0; n < batch; n++) {
    const row = (data as Float32Array).subarray(n * width + from, n * width + to);
    part.set(row, n * (to - from));
  }
  return { type: 'float32', dims: [batch, to - from], data: part };
}

/** Returns the rounded sum, wrapped into [-3, 3]: a sum that is off by one gives another result. */
export function wrapped(terms: readonly Tensor[]): Tensor {
  const data = new Float32Array(terms[0]!.data.length);
  for (let i = 0; i < data.length; i++) {
    let sum = 0;
    for (const { data: values } of terms) sum += Math.round(values[i] as number);
    const span = 2 * LARGEST_VALUE + 1;
    data[i] = ((((sum + LARGEST_VALUE) % span) + span) % span) - LARGEST_VALUE;
  }
  return { type: 'float32', dims: terms[0]!.dims, data };
}

/** Quantizes the values between linear layers to uint8. */
export function quantized({ dims, data }: Tensor): Tensor {
  return { type: 'uint8', dims, data: Uint8Array.from(data as Float32Array, (x) => SCALE * x + ZERO_POINT) };
}

/**
 * y = (x − zero point) · Wᵀ in int32, modulo 2³².
 * @param weights  [rows, width], or weighted sums of such rows
 */
export function integerKernel(weights: Int32Array, width: number, x: Tensor): Tensor {
  const rows = weights.length / width;
  const batch = x.dims[0]!;
  const values = x.data as Uint8Array;
  const data = new Int32Array(batch * rows);
  for (let n = 0; n < batch; n++) {
    for (let row = 0; row < rows; row++) {
      let sum = 0;
      for (let i = 0; i < width; i++) {
        sum = (sum + Math.imul(weights[row * width + i]!, values[n * width + i]! - ZERO_POINT)) | 0;
      }
      data[n * rows + row] = sum;
    }
  }
  return { type: 'int32', dims: [batch, rows], data };
}
