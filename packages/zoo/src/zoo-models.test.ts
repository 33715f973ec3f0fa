import { joinChunks, readModel } from '@sparewheel/onnx';
import { expect, test } from 'vitest';
import { zooModel, zooModels } from './zoo-models.ts';

test('lists LeNet-5 first, and unique names that are valid in a URL', () => {
  expect(zooModels[0]!.name).toBe('lenet5');
  for (const { name, title, description } of zooModels) {
    expect(name).toMatch(/^[a-z0-9-]+$/);
    expect(title.length).toBeGreaterThan(0);
    expect(description.endsWith('.')).toBe(true);
  }
  expect(new Set(zooModels.map(({ name }) => name)).size).toBe(zooModels.length);
});

test('finds a model by its exact name', () => {
  expect(zooModel('alexnet')?.title).toBe('AlexNet');
  expect(zooModel('AlexNet')).toBeUndefined();
});

test('names author, license and package of every trained network, and of no other', () => {
  for (const { trained, origin } of zooModels) {
    expect(origin !== null).toBe(trained);
    if (origin === null) continue;
    expect(origin.license).toMatch(/^(MIT|Apache-2\.0)$/);
    expect(origin.package === null).toBe(origin.url === null);
  }
});

test('returns complete ONNX files with fixed shapes', async () => {
  for (const name of ['lenet5', 'inception-v3']) {
    const { chunks, parameters } = zooModel(name)!;
    const bytes = joinChunks(await chunks());
    expect(bytes.length).toBeGreaterThan(4 * parameters);
    expect(bytes.length).toBeLessThan(4 * parameters + 64 * 1024);
    const { graph } = readModel(bytes);
    for (const { type } of [...graph.inputs, ...graph.outputs]) {
      expect(type?.kind).toBe('tensor');
      const dims = type?.kind === 'tensor' ? type.dims : undefined;
      expect(dims?.every((dim) => typeof dim === 'number' && dim > 0)).toBe(true);
    }
  }
});
