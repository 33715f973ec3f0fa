import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InvalidArgumentError, LengthMismatchError, TooManyShardsError } from '../errors.ts';
import { normalArray, seededNormal } from '../testing/random.ts';
import { computeLayer, im2col } from './im2col.ts';
import {
  type Convolution,
  convolution,
  costOf,
  count,
  fullyConnected,
  type LinearLayer,
  outputSize,
  shapesOf,
  type Values,
} from './layer.ts';
import { mergeOutputs, runSplit, type SplitMethod, splitLayer, suitability } from './split.ts';

/** Convolutions of rank 1 to 3, small enough to compute in a millisecond. */
const anyConvolution = fc
  .record({ rank: fc.integer({ min: 1, max: 3 }), groups: fc.integer({ min: 1, max: 3 }) })
  .chain(({ rank, groups }) => {
    const axes = (min: number, max: number) =>
      fc.array(fc.integer({ min, max }), { minLength: rank, maxLength: rank });
    return fc.record({
      batch: fc.integer({ min: 1, max: 2 }),
      groups: fc.constant(groups),
      channels: fc.integer({ min: 1, max: 3 }).map((each) => each * groups),
      filters: fc.integer({ min: 1, max: 3 }).map((each) => each * groups),
      size: axes(4, 6),
      kernel: axes(1, 3),
      strides: axes(1, 3),
      dilations: axes(1, 2),
      padsBegin: axes(0, 1),
      padsEnd: axes(0, 1),
    });
  })
  .map((layer) => {
    const window = layer.kernel.map((f, axis) => layer.dilations[axis]! * (f - 1) + 1);
    // With padding as wide as the kernel, some outputs use no input, and no strip exists for them.
    const narrow = (pads: number[]) => pads.map((pad, axis) => Math.min(pad, window[axis]! - 1));
    const size = layer.size.map((pixels, axis) => Math.max(pixels, window[axis]!));
    return convolution({
      ...layer,
      size,
      padsBegin: narrow(layer.padsBegin),
      padsEnd: narrow(layer.padsEnd),
    });
  });

function randomTensors(layer: LinearLayer, seed: number) {
  const normal = seededNormal(seed);
  const { input, weights } = shapesOf(layer);
  return {
    input: normalArray(count(input), normal),
    weights: normalArray(count(weights), normal),
    bias: normalArray(weights[0]!, normal),
  };
}

function largestDifference(a: Float64Array, b: Float64Array): number {
  expect(a.length).toBe(b.length);
  return a.reduce((largest, value, i) => Math.max(largest, Math.abs(value - b[i]!)), 0);
}

/** Tolerance for summing a few hundred float64 products of order one in another order. */
const REORDERING = 1e-11;

describe('the five splits', () => {
  it('compute a convolution as im2col and a matrix product', () => {
    fc.assert(
      fc.property(anyConvolution, fc.nat(), (layer, seed) => {
        const { input, weights } = randomTensors(layer, seed);
        const expected = directConvolution(layer, input, weights);
        expect(largestDifference(computeLayer(layer, input, weights), expected)).toBeLessThan(REORDERING);
      }),
      { numRuns: 100, seed: 4 },
    );
  });

  it('unroll patches into columns as in figure 4', () => {
    const layer = convolution({ channels: 1, size: [3, 3], filters: 1, kernel: [2, 2] });
    const matrix = im2col(layer, Float32Array.from([1, 2, 3, 4, 5, 6, 7, 8, 9]));
    expect([...matrix]).toEqual([1, 2, 4, 5, 2, 3, 5, 6, 4, 5, 7, 8, 5, 6, 8, 9]);
  });

  for (const method of ['channel', 'spatial', 'filter'] as const) {
    it(`merge to the undivided convolution (${method} splitting)`, () => {
      fc.assert(
        fc.property(
          anyConvolution,
          fc.integer({ min: 1, max: 4 }),
          fc.nat({ max: 2 }),
          fc.nat(),
          (layer, devices, anyAxis, seed) => {
            const axis = anyAxis % layer.size.length;
            const most = {
              channel: layer.filters,
              spatial: outputSize(layer)[axis]!,
              filter: layer.channels / layer.groups,
            }[method];
            const split = splitLayer(layer, method, Math.min(devices, most), axis);
            const { input, weights, bias } = randomTensors(layer, seed);
            const merged = runSplit(split, input, weights, bias);
            const expected = computeLayer(layer, input, weights, bias);
            expect(largestDifference(merged, expected)).toBeLessThan(REORDERING);
          },
        ),
        { numRuns: 150, seed: 5 },
      );
    });
  }

  for (const method of ['output', 'input'] as const) {
    it(`merge to the undivided fully-connected layer (${method} splitting)`, () => {
      for (let k = 1; k <= 7; k++) {
        const layer = fullyConnected({ inputs: 11, outputs: 9, batch: 2 });
        const { input, weights, bias } = randomTensors(layer, k);
        const merged = runSplit(splitLayer(layer, method, k), input, weights, bias);
        const expected = computeLayer(layer, input, weights, bias);
        expect(largestDifference(merged, expected)).toBeLessThan(REORDERING);
      }
    });
  }

  it('send a strip with its halo only', () => {
    const layer = convolution({
      channels: 1,
      size: [8, 8],
      filters: 1,
      kernel: [3, 3],
      padsBegin: [1, 1],
      padsEnd: [1, 1],
    });
    const split = splitLayer(layer, 'spatial', 2);
    // Each strip of four output rows needs five input rows. The inner row belongs to both strips.
    expect(split.shares.map((share) => (share.layer as Convolution).size)).toEqual([
      [5, 8],
      [5, 8],
    ]);
    expect(split.shares.map((share) => (share.layer as Convolution).padsBegin[0])).toEqual([1, 0]);
    expect(split.shares.map((share) => (share.layer as Convolution).padsEnd[0])).toEqual([0, 1]);
  });

  it('apply bias and activation on the device only if no sum follows', () => {
    const fc6 = fullyConnected({ inputs: 8, outputs: 8 });
    const conv = convolution({ channels: 4, size: [6], filters: 4, kernel: [3] });
    const placed = (layer: LinearLayer, method: SplitMethod) => {
      const { merge, bias, activation } = splitLayer(layer, method, 2);
      return [merge, bias, activation];
    };
    for (const [layer, method] of [
      [fc6, 'output'],
      [conv, 'channel'],
      [conv, 'spatial'],
    ] as const) {
      expect(placed(layer, method)).toEqual(['concatenate', 'device', 'device']);
    }
    for (const [layer, method] of [
      [fc6, 'input'],
      [conv, 'filter'],
    ] as const) {
      expect(placed(layer, method)).toEqual(['sum', 'after-merge', 'after-merge']);
    }
  });

  it('divide the multiply-adds without overlap', () => {
    const layer = convolution({ channels: 6, size: [9, 9], filters: 8, kernel: [3, 3] });
    for (const method of ['channel', 'spatial', 'filter'] as const) {
      const work = splitLayer(layer, method, 3).shares.map((share) => costOf(share.layer).multiplyAdds);
      expect(work.reduce((a, b) => a + b)).toBe(costOf(layer).multiplyAdds);
    }
    expect(costOf(layer)).toEqual({
      multiplyAdds: 8 * 49 * 54,
      weightsBytes: 4 * 8 * 54,
      inputBytes: 4 * 6 * 81,
      outputBytes: 4 * 8 * 49,
    });
  });

  it('reject methods, counts and lengths that do not match the layer', () => {
    const layer = fullyConnected({ inputs: 4, outputs: 3 });
    expect(() => splitLayer(layer, 'spatial', 2)).toThrow(InvalidArgumentError);
    expect(() => splitLayer(layer, 'output', 4)).toThrow(TooManyShardsError);
    const split = splitLayer(layer, 'output', 2);
    expect(() => mergeOutputs(split, [new Float32Array(2)])).toThrow(LengthMismatchError);
    expect(() => mergeOutputs(split, [new Float32Array(2), new Float32Array(2)])).toThrow(
      LengthMismatchError,
    );
    expect(() => computeLayer(layer, new Float32Array(4), new Float32Array(11))).toThrow(LengthMismatchError);
    const padded = convolution({ channels: 1, size: [4], filters: 1, kernel: [1], padsBegin: [1] });
    expect(() => splitLayer(padded, 'spatial', 5)).toThrow('use some of the input');
    expect(() => convolution({ channels: 3, size: [4], filters: 2, kernel: [5] })).toThrow(
      InvalidArgumentError,
    );
    expect(() => convolution({ channels: 3, size: [4], filters: 2, kernel: [1], groups: 2 })).toThrow(
      InvalidArgumentError,
    );
    const depthwise = convolution({ channels: 4, size: [4], filters: 4, kernel: [3], groups: 4 });
    expect(() => splitLayer(depthwise, 'filter', 2)).toThrow(TooManyShardsError);
  });
});

describe('table 1', () => {
  it('follows from what each split divides', () => {
    const fc6 = fullyConnected({ inputs: 9216, outputs: 4096 });
    const conv = convolution({
      channels: 96,
      size: [27, 27],
      filters: 256,
      kernel: [5, 5],
      padsBegin: [2, 2],
      padsEnd: [2, 2],
    });
    const row = (layer: LinearLayer, method: SplitMethod) => {
      const { dividesInput, dividesWeights, dividesOutput, suitable } = suitability(
        splitLayer(layer, method, 4),
      );
      return [dividesInput, dividesWeights, dividesOutput, suitable];
    };
    expect(row(fc6, 'output')).toEqual([false, true, true, true]);
    expect(row(fc6, 'input')).toEqual([true, true, false, false]);
    expect(row(conv, 'channel')).toEqual([false, true, true, true]);
    expect(row(conv, 'spatial')).toEqual([true, false, true, false]);
    // The paper's table has a third tick here. Its text says that each device computes partial sums of all
    // outputs.
    expect(row(conv, 'filter')).toEqual([true, true, false, false]);
  });

  it('gives a parity the work of one block if suitable, and of the whole layer if not', () => {
    for (const k of [2, 3, 5, 8]) {
      const fc6 = fullyConnected({ inputs: 240, outputs: 240 });
      const conv = convolution({ channels: 120, size: [242], filters: 120, kernel: [3] });
      for (const [layer, method] of [
        [fc6, 'output'],
        [conv, 'channel'],
      ] as const) {
        const { parityMultiplyAdds, layerMultiplyAdds } = suitability(splitLayer(layer, method, k));
        expect(parityMultiplyAdds).toBe(layerMultiplyAdds / k);
      }
      for (const [layer, method] of [
        [fc6, 'input'],
        [conv, 'spatial'],
        [conv, 'filter'],
      ] as const) {
        const { parityMultiplyAdds, layerMultiplyAdds } = suitability(splitLayer(layer, method, k));
        expect(parityMultiplyAdds).toBe(layerMultiplyAdds);
      }
    }
  });
});

/** Computes a convolution of rank ≤ 3 from its definition, as a reference for im2col. */
function directConvolution(layer: Convolution, input: Values, weights: Values): Float64Array {
  // Leading axes of size 1 make every convolution three-dimensional.
  const three = (values: readonly number[], fill: number) => [fill, fill, ...values].slice(-3) as Triple;
  const [sizeD, sizeH, sizeW] = three(layer.size, 1);
  const [kernelD, kernelH, kernelW] = three(layer.kernel, 1);
  const [strideD, strideH, strideW] = three(layer.strides, 1);
  const [padD, padH, padW] = three(layer.padsBegin, 0);
  const [dilationD, dilationH, dilationW] = three(layer.dilations, 1);
  const [outD, outH, outW] = three(outputSize(layer), 1);
  const channels = layer.channels / layer.groups;
  const filters = layer.filters / layer.groups;
  const output: number[] = [];
  for (let n = 0; n < layer.batch; n++) {
    for (let f = 0; f < layer.filters; f++) {
      const firstChannel = Math.floor(f / filters) * channels;
      for (let od = 0; od < outD; od++) {
        for (let oh = 0; oh < outH; oh++) {
          for (let ow = 0; ow < outW; ow++) {
            let sum = 0;
            for (let c = 0; c < channels; c++) {
              for (let kd = 0; kd < kernelD; kd++) {
                for (let kh = 0; kh < kernelH; kh++) {
                  for (let kw = 0; kw < kernelW; kw++) {
                    const d = od * strideD - padD + kd * dilationD;
                    const h = oh * strideH - padH + kh * dilationH;
                    const w = ow * strideW - padW + kw * dilationW;
                    if (d < 0 || h < 0 || w < 0 || d >= sizeD || h >= sizeH || w >= sizeW) continue;
                    const channel = n * layer.channels + firstChannel + c;
                    const weight = (((f * channels + c) * kernelD + kd) * kernelH + kh) * kernelW + kw;
                    sum += weights[weight]! * input[((channel * sizeD + d) * sizeH + h) * sizeW + w]!;
                  }
                }
              }
            }
            output.push(sum);
          }
        }
      }
    }
  }
  return Float64Array.from(output);
}

type Triple = [number, number, number];
