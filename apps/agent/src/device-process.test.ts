import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@sparewheel/runtime/clock';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { DeviceProcess } from './device-process.ts';

let folder: string;
let device: DeviceProcess;
let starts: number;
let onStart: () => void;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sparewheel-device-'));
  starts = 0;
  onStart = () => {};
  device = new DeviceProcess(
    {
      // Nobody listens there: this is about the process alone.
      url: 'http://127.0.0.1:9',
      token: 'token',
      name: 'device',
      identity: { id: 'device-under-test', secret: 'x'.repeat(40) },
      folder,
    },
    {
      started: () => {
        starts++;
        onStart();
      },
      ended: () => {},
      log: () => {},
    },
    systemClock,
  );
});
afterEach(async () => {
  await device.kill();
  await rm(folder, { recursive: true, force: true });
});

it('starts a killed device again that is revived before anybody noticed its end', async () => {
  device.revive();
  const first = device.processId!;
  process.kill(first, 'SIGKILL');
  // In the same turn: the end of the process cannot have been heard of.
  const startedAgain = new Promise<void>((resolve) => {
    onStart = resolve;
  });
  device.revive();
  await startedAgain;
  expect(device.processId).not.toBe(first);
  expect(starts).toBe(2);
});

it('leaves a device down that is killed after it was revived', async () => {
  device.revive();
  device.revive();
  await device.kill();
  expect(device.processId).toBeNull();
  expect(starts).toBe(1);
});
