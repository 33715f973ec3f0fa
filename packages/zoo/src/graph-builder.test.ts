import { describe, expect, test } from 'vitest';
import { GraphBuilder } from './graph-builder.ts';

const zeros = (_name: string, dims: readonly number[]): Float32Array =>
  new Float32Array(dims.reduce((size, dim) => size * dim, 1));

describe('GraphBuilder', () => {
  test('computes output sizes as ONNX does: floor((length + padding − kernel) / stride) + 1', () => {
    const net = new GraphBuilder('shapes', zeros);
    const image = net.input('image', [1, 3, 11, 20]);
    expect(net.conv('conv', image, { channels: 8, kernel: [3, 5], stride: 2, padding: [1, 0] }).dims).toEqual(
      [1, 8, 6, 8],
    );
    expect(net.maxPool('pool', image, { kernel: 2, stride: 2 }).dims).toEqual([1, 3, 5, 10]);
    expect(net.flatten('flat', image).dims).toEqual([1, 660]);
    expect(net.concat('twice', [image, image]).dims).toEqual([1, 6, 11, 20]);
  });

  test('passes the fan-in of each weight to the weight source, and 0 for a bias', () => {
    const asked: [string, number][] = [];
    const net = new GraphBuilder('fan-in', (name, dims, fanIn) => {
      asked.push([name, fanIn]);
      return zeros(name, dims);
    });
    const x = net.conv('conv', net.input('image', [1, 3, 8, 8]), { channels: 2, kernel: 3 });
    net.dense('fc', net.flatten('flat', x), 5);
    expect(asked).toEqual([
      ['conv.weight', 27],
      ['conv.bias', 0],
      ['fc.weight', 72],
      ['fc.bias', 0],
    ]);
  });

  test('rejects a window that does not fit, and names the window and the tensor', () => {
    const net = new GraphBuilder('small', zeros);
    const image = net.input('image', [1, 1, 4, 4]);
    expect(() => net.maxPool('pool', image, { kernel: 5, stride: 1 })).toThrow(
      /5 × 5 does not fit into image/,
    );
  });

  test('rejects weights of the wrong length', () => {
    const net = new GraphBuilder('wrong', () => new Float32Array(3));
    expect(() => net.dense('fc', net.input('x', [1, 4]), 2)).toThrow(
      /fc.weight has shape \[2,4\].*returned 3 values/,
    );
  });
});
