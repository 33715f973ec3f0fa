import type { TensorSpec } from '@sparewheel/protocol';
import { expect, test } from 'vitest';
import { inputKind } from './input-kind.ts';

const spec = (name: string, dims: readonly number[], type: TensorSpec['type'] = 'float32'): TensorSpec => ({
  name,
  type,
  dims,
});

const LINE = {
  inputs: [spec('x', [1, 3, 48, 480])],
  outputs: [
    spec('softmax', [1, 60, 6625]),
    spec('characters', [1, 60], 'int64'),
    spec('confidence', [1, 60]),
  ],
};
const FACES = {
  inputs: [spec('input:0', [1, 128, 128, 3])],
  outputs: [spec('a', [1, 512, 1]), spec('b', [1, 384, 1]), spec('c', [1, 512, 16]), spec('d', [1, 384, 16])],
};
const VOICE = {
  inputs: [spec('input', [1, 576]), spec('state', [2, 1, 128])],
  outputs: [spec('output', [1, 1]), spec('stateN', [2, 1, 128])],
};

test('follows the model', () => {
  expect(inputKind({ inputs: [spec('image', [1, 1, 28, 28])], outputs: [spec('logits', [1, 10])] })).toBe(
    'digit',
  );
  expect(inputKind(LINE)).toBe('line');
  expect(inputKind(FACES)).toBe('faces');
  expect(inputKind(VOICE)).toBe('voice');
  expect(inputKind({ inputs: [spec('data', [1, 3, 224, 224])], outputs: [spec('scores', [1, 1000])] })).toBe(
    'classes',
  );
  expect(inputKind({ inputs: [spec('tokens', [1, 16], 'int64')], outputs: [spec('y', [1, 16, 64])] })).toBe(
    'tensors',
  );
});

test('takes a similar model for what it is (negative controls)', () => {
  expect(inputKind({ ...LINE, outputs: LINE.outputs.slice(0, 1) })).toBe('tensors');
  expect(inputKind({ ...FACES, outputs: FACES.outputs.toReversed() })).toBe('tensors');
  expect(inputKind({ ...VOICE, inputs: [...VOICE.inputs, spec('sr', [], 'int64')] })).toBe('tensors');
  expect(inputKind({ inputs: [spec('image', [1, 1, 28, 28])], outputs: [spec('logits', [1, 26])] })).toBe(
    'classes',
  );
});
