import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { TabDevice } from './tab-device.ts';

class FakeWorker extends EventTarget {
  terminated = false;
  postMessage(): void {}
  terminate(): void {
    this.terminated = true;
  }
  crash(message: string): void {
    const event = Object.assign(new Event('error', { cancelable: true }), { message });
    this.dispatchEvent(event);
  }
}

let workers: FakeWorker[];
let device: TabDevice;
const latest = () => workers.at(-1)!;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  workers = [];
  device = new TabDevice(
    {
      // Nothing listens on this port; these tests do not need the connection.
      url: 'http://127.0.0.1:1',
      token: 'token',
      name: 'tab',
      identity: { id: 'device-0001', secret: 's'.repeat(32) },
      lasting: false,
      platform: 'test',
    },
    () => {
      const worker = new FakeWorker();
      workers.push(worker);
      return worker as unknown as Worker;
    },
  );
  device.revive();
});
afterEach(() => {
  device.stop();
  vi.useRealTimers();
});

it('restarts a crashed device with a growing backoff', () => {
  latest().crash('out of memory');
  expect(workers[0]?.terminated).toBe(true);
  expect(device.getState()).toMatchObject({ phase: 'failed', problem: 'out of memory' });
  vi.advanceTimersByTime(250);
  expect(workers).toHaveLength(2);
  expect(device.getState().phase).toBe('running');
  latest().crash('out of memory');
  vi.advanceTimersByTime(250);
  expect(workers).toHaveLength(2);
  vi.advanceTimersByTime(250);
  expect(workers).toHaveLength(3);
});

it('resets the backoff after a stable run', () => {
  for (const wait of [250, 500, 1_000]) {
    latest().crash('again');
    vi.advanceTimersByTime(wait);
  }
  vi.advanceTimersByTime(10_000);
  latest().crash('much later');
  vi.advanceTimersByTime(250);
  expect(workers).toHaveLength(5);
});

it('cancels the restart if the device was revived or stopped meanwhile', () => {
  latest().crash('gone');
  device.revive();
  vi.advanceTimersByTime(20_000);
  expect(workers).toHaveLength(2);
  latest().crash('gone');
  device.stop();
  vi.advanceTimersByTime(20_000);
  expect(workers).toHaveLength(2);
});

it('ends at once when its page kills it, and stays down until it is revived', () => {
  device.kill();
  expect(workers[0]?.terminated).toBe(true);
  expect(device.getState()).toMatchObject({ phase: 'killed', killedBy: 'page' });
  vi.advanceTimersByTime(20_000);
  expect(workers).toHaveLength(1);
  device.revive();
  expect(workers).toHaveLength(2);
  expect(device.getState()).toEqual({ phase: 'running', problem: null, report: null });
});
