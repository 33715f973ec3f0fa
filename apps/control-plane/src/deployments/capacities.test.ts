import { deviceView } from '@sparewheel/data-plane-client/testing';
import type { DeviceView } from '@sparewheel/protocol';
import { expect, it } from 'vitest';
import { capacities } from './capacities.ts';

const device = (id: string, machine: string | null, totalBytes: number): DeviceView => ({
  ...deviceView(id),
  memory: { rssBytes: 0, totalBytes, storeBytes: 0 },
  profile:
    machine === null
      ? null
      : {
          multiplyAddsPerSecond: 5e9,
          memoryBytesPerSecond: 1e10,
          cores: 4,
          machine,
          hopMs: null,
          bytesPerSecond: 1e8,
        },
});

it('divides a machine’s memory among its devices, and leaves a part to the system', () => {
  const found = capacities(
    [device('a', 'one', 8e9), device('b', 'one', 8e9), device('c', 'two', 8e9)],
    'two',
  );
  expect(found.map(({ memoryBytes }) => memoryBytes)).toEqual([3e9, 3e9, 6e9]);
});

it('passes on measurements, if there are any', () => {
  const [measured, unknown] = capacities([device('a', 'one', 8e9), device('b', null, 0)], 'two');
  expect(measured!.speed).toEqual({
    multiplyAddsPerSecond: 5e9,
    memoryBytesPerSecond: 1e10,
    cores: 4,
    machine: 'one',
    engine: 'native',
    bytesPerMs: 1e5,
  });
  expect(unknown).toEqual({ id: 'b', name: 'name of b' });
});

it('keeps to the memory limit of a device, and passes on its threads', () => {
  const limited = (limit: number): DeviceView => {
    const view = device('a', 'one', 8e9);
    return { ...view, profile: { ...view.profile!, threads: 2, memoryLimitBytes: limit } };
  };
  const [small, large] = capacities([limited(1e6)], 'two').concat(capacities([limited(1e12)], 'two'));
  expect(small).toMatchObject({ memoryBytes: 1e6, speed: { threads: 2 } });
  expect(large).toMatchObject({ memoryBytes: 6e9 });
});

it('leaves out what a device with a limit holds for other deployments', () => {
  const view = device('a', 'one', 8e9);
  const limited = { ...view, profile: { ...view.profile!, memoryLimitBytes: 5e6 } };
  const after = (heldBytes: number) => capacities([limited], 'two', new Map([['a', heldBytes]]))[0];
  expect(after(2e6)).toMatchObject({ memoryBytes: 3e6, heldBytes: 2e6 });
  expect(after(9e6)).toMatchObject({ memoryBytes: 0, heldBytes: 9e6 });
  expect(capacities([view], 'two', new Map([['a', 2e6]]))[0]).not.toHaveProperty('heldBytes');
});

it('marks the devices on the data plane’s machine', () => {
  const [beside, away] = capacities([device('a', 'one', 8e9), device('b', 'two', 8e9)], 'one');
  expect(beside!.speed).toMatchObject({ besideDataPlane: true });
  expect(away!.speed).not.toHaveProperty('besideDataPlane');
});
