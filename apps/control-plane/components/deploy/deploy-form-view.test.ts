import type { ModelView } from '@sparewheel/protocol';
import { describe, expect, it } from 'vitest';
import { device } from '../testing/view-fixtures.ts';
import { adviseDeploy, firstForm, freeName, mainFile, nameFromFile } from './deploy-form-view.ts';

const layer = { name: 'fc1', op: 'Gemm', outputDims: [1, 120], parameters: 1, multiplyAdds: 1, reason: null };
const model: ModelView = {
  name: 'net',
  sha256: '0'.repeat(64),
  bytes: 1,
  inputs: [],
  outputs: [],
  layers: [{ ...layer, codable: true }],
  parameters: 1,
  createdAt: '2026-01-01T00:00:00Z',
};
const fleet = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => device(name));

describe('the deploy form', () => {
  it('converts any file name to a valid name', () => {
    expect(nameFromFile('My Net (final).onnx')).toBe('My-Net-final');
    expect(nameFromFile('resnet18-v1.7.ONNX')).toBe('resnet18-v1.7');
    expect(nameFromFile('converted_tfjs.zip')).toBe('converted_tfjs');
    expect(nameFromFile('…')).toBe('model');
    expect(freeName('net', ['net', 'net-2'])).toBe('net-3');
  });

  it('names a model of several files after the file of the model', () => {
    const main = (...names: string[]) => mainFile(names.map((name) => ({ name })))?.name;
    expect(main('weights.bin', 'metadata.json', 'model.json')).toBe('model.json');
    expect(main('net.onnx.data', 'net.onnx')).toBe('net.onnx');
    expect(main('emotion.bin', 'emotion.json')).toBe('emotion.json');
    expect(main('weights.bin')).toBe('weights.bin');
    expect(main()).toBeUndefined();
  });

  it('starts with k and r that fit the fleet', () => {
    expect(firstForm(model, fleet, ['net'])).toMatchObject({ name: 'net-2', k: 4, r: 1 });
    expect(firstForm(model, fleet.slice(0, 3), [])).toMatchObject({ name: 'net', k: 2, r: 1 });
    expect(firstForm(model, [], [])).toMatchObject({ k: 1, r: 1 });
  });

  it('rejects too few devices, a taken or invalid name and a model without codable layers', () => {
    const form = firstForm(model, fleet, []);
    expect(adviseDeploy({ ...form, k: 6 }, model, fleet, []).problem).toEqual({
      field: 'k',
      message: 'k + r = 7 devices are needed, but 6 are ready. Add or revive devices, or lower k.',
    });
    expect(adviseDeploy(form, model, fleet, ['net']).problem?.field).toBe('name');
    expect(adviseDeploy({ ...form, name: '../net' }, model, fleet, []).problem?.field).toBe('name');
    const whole = { ...model, layers: [{ ...layer, codable: false, reason: 'weights are not constant' }] };
    expect(adviseDeploy(form, whole, fleet, []).problem?.field).toBe('layers');
  });
});
