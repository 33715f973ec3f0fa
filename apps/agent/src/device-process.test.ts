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
      // Nothing listens on this port; these tests only need the process.
      url: 'http://127.0.0.1:9',
      token: 'token',
      name: 'device',
      identity: { id: 'device-under-test', secret: 'x'.repeat(40) },
      folder,
      threads: { atMost: 1 },
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

it('restarts a killed device that is revived before its exit is reported', async () => {
  device.revive();
  const first = device.processId!;
  process.kill(first, 'SIGKILL');
  // In the same turn of the event loop, so the exit event has not fired.
  const startedAgain = new Promise<void>((resolve) => {
    onStart = resolve;
  });
  device.revive();
  await startedAgain;
  expect(device.processId).not.toBe(first);
  expect(starts).toBe(2);
});

it('does not restart a device that is killed after a revive', async () => {
  device.revive();
  device.revive();
  await device.kill();
  expect(device.processId).toBeNull();
  expect(starts).toBe(1);
});
