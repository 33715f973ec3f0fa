import { expect, test } from 'vitest';
import { deployment } from '../testing/view-fixtures.ts';
import { deploymentOf, zooDeployment } from './zoo-deployment.ts';

test('deploys like the demo, on as many devices as there are', () => {
  expect(zooDeployment('faces', 6, ['faces'])).toEqual({
    name: 'faces-2',
    model: 'faces',
    k: 4,
    r: 1,
    layers: 'all',
    objective: 'devices-only',
  });
  expect(zooDeployment('faces', 3, [])).toMatchObject({ name: 'faces', k: 2, r: 1 });
  expect(zooDeployment('faces', 0, [])).toMatchObject({ k: 1, r: 1 });
});

test('finds a deployment that can answer', () => {
  const failed = deployment(4, 1, { name: 'faces', model: 'faces', state: 'failed' });
  const ready = deployment(4, 1, { name: 'other', model: 'faces' });
  expect(deploymentOf([failed], 'faces')).toBeUndefined();
  expect(deploymentOf([failed, ready], 'faces')).toBe(ready);
});
