import { describe, expect, it } from 'vitest';
import { DEFAULT_OPTIONS } from '../options.ts';
import { FakeClock } from '../testing/index.ts';
import type { ComputationOwner } from './device.ts';
import { Device, type DeviceObserver } from './device.ts';

function scene(options: Partial<typeof DEFAULT_OPTIONS> = {}) {
  const clock = new FakeClock();
  const log: string[] = [];
  const observer: DeviceObserver = {
    silent: () => log.push('silent'),
    answering: () => log.push('answering'),
    gaveUp: () => {},
  };
  const owner: ComputationOwner = {
    answered: () => {},
    erased: (shard, reason) => log.push(`${shard} ${reason}`),
  };
  const all = { ...DEFAULT_OPTIONS, inFlightPerDevice: 3, silentAfterMs: 100, ...options };
  const device = new Device('d', clock, all, { next: 1 }, observer);
  device.connect(0);
  const send = (request: number, shard = request) => device.send(request, 1, shard, owner, clock.now());
  const answer = (request: number) => {
    const computation = device.take(request, 1);
    if (computation) device.heard(computation, clock.now(), 10);
    return computation;
  };
  return { clock, log, device, send, answer, owner };
}

describe('the cap', () => {
  it('is reached by what is in flight and left by what is answered', () => {
    const { device, send, answer } = scene();
    for (const request of [1, 2, 3]) send(request);
    expect(device.availability).toBe('busy');
    answer(2);
    expect(device.availability).toBe('ready');
    expect(device.inFlight).toBe(2);
  });

  it('still counts what was cancelled until the device shows that it read the cancel', () => {
    const { device, send, answer } = scene();
    const first = send(1);
    send(2);
    expect(device.cancel(first)).toBe(true);
    answer(2);
    // 2 was sent before the cancel of 1: it proves nothing.
    expect(device.inFlight).toBe(1);
    send(3);
    answer(3);
    expect(device.inFlight).toBe(0);
  });

  it('lets one through when everything in flight is cancelled, and never cancels the last', () => {
    const { device, send, answer } = scene();
    const computations = [send(1), send(2), send(3)];
    expect(computations.map((computation) => device.cancel(computation))).toEqual([true, true, false]);
    expect(device.availability).toBe('busy');
    answer(3);
    expect(device.inFlight).toBe(2);
    send(4);
    expect(device.cancel(send(5))).toBe(true);
    expect(device.inFlight).toBe(4);
    answer(4);
    expect(device.inFlight).toBe(1);
    expect(device.availability).toBe('ready');
  });
});

describe('silence', () => {
  it('erases everything in flight, and ends with the first answer, late as it is', async () => {
    const { clock, log, device, send, answer } = scene();
    send(1);
    answer(1);
    send(2);
    await clock.advance(60);
    send(3);
    await clock.advance(39);
    expect(log).toEqual([]);
    await clock.advance(1);
    expect(log).toEqual(['silent', '2 silent', '3 silent']);
    expect(device.availability).toBe('silent');
    expect(device.inFlight).toBe(0);
    expect(answer(3)).toBeDefined();
    expect(log.at(-1)).toBe('answering');
    expect(device.availability).toBe('ready');
  });

  it('is not suspected of a device that answers other things: only the lost one is given up', async () => {
    const { clock, log, device, send, answer } = scene();
    send(1);
    answer(1);
    send(2);
    for (let request = 3; request < 20; request++) {
      await clock.advance(10);
      send(request);
      answer(request);
    }
    expect(log).toEqual(['2 silent']);
    expect(device.availability).toBe('ready');
    expect(device.statistics.unanswered).toBe(1);
  });

  it('is probed at a steady pace, and no more', async () => {
    const { clock, device, send } = scene({ probeEveryMs: 50, inFlightPerDevice: 16 });
    send(1);
    await clock.advance(500);
    let probes = 0;
    for (let i = 0; i < 100; i++) {
      if (device.probeDue(clock.now())) {
        send(100 + i);
        probes++;
      }
      await clock.advance(5);
    }
    // It fell silent at 500 ms: the first at 550, the last at 950.
    expect(probes).toBe(9);
  });

  it('is not concluded at once when this thread itself was held up: answers may lie unread', async () => {
    for (const comes of [true, false]) {
      const { clock, log, send, answer } = scene();
      const { schedule } = clock;
      // The first timer fires 300 ms late, as after a long garbage collection.
      clock.schedule = (delayMs, callback) => {
        clock.schedule = schedule;
        return schedule.call(clock, delayMs + 300, callback);
      };
      send(1);
      answer(1);
      send(2);
      await clock.advance(405);
      expect(log).toEqual([]);
      if (comes) answer(2);
      await clock.advance(25);
      expect(log).toEqual(comes ? [] : ['silent', '2 silent']);
    }
  });
});

it('erases everything when the connection ends, and forgets what it was asked', () => {
  const { device, log, send, answer } = scene();
  send(1);
  send(2);
  device.disconnect(5, 'gone');
  expect(log).toEqual(['1 down', '2 down']);
  expect(device.inFlight).toBe(0);
  expect(answer(1)).toBeUndefined();
  device.connect(9);
  expect(device.availability).toBe('ready');
});

it('tells two computations of one request apart by their task', () => {
  const { device, owner } = scene();
  const a = device.send(1, 10, 0, owner, 0);
  const b = device.send(1, 11, 0, owner, 0);
  expect(device.take(1, 12)).toBeUndefined();
  expect(device.take(1, 10)).toBe(a);
  expect(device.take(1, 10)).toBeUndefined();
  expect(device.take(1, 11)).toBe(b);
});
