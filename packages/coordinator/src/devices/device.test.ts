import { describe, expect, it } from 'vitest';
import { DEFAULT_OPTIONS } from '../options.ts';
import { FakeClock } from '../testing/index.ts';
import { AnswerTime } from './answer-time.ts';
import { type ComputationOwner, Device, type DeviceObserver } from './device.ts';
import { Tallies } from './tally.ts';

const accounting = () => ({ time: new AnswerTime(), tally: new Tallies().of('d'), mirrored: false });

function setUp(options: Partial<typeof DEFAULT_OPTIONS> = {}) {
  const clock = new FakeClock();
  const log: string[] = [];
  const observer: DeviceObserver = {
    silent: () => log.push('silent'),
    answering: () => log.push('answering'),
    computationsTimedOut: () => {},
  };
  const owner: ComputationOwner = {
    answered: () => {},
    erased: (shard, reason) => log.push(`${shard} ${reason}`),
  };
  const all = { ...DEFAULT_OPTIONS, inFlightPerDevice: 3, silentAfterMs: 100, ...options };
  const device = new Device('d', clock, all, { next: 1 }, observer);
  device.connect(0);
  const expected = accounting();
  const send = (request: number, shard = request) =>
    device.send(request, 1, shard, owner, clock.now(), expected);
  const answer = (request: number) => {
    const computation = device.take(request, 1);
    if (computation) device.recordMessage(computation, clock.now(), 10);
    return computation;
  };
  return { clock, log, device, send, answer, owner };
}

describe('the in-flight cap', () => {
  it('is reached by computations in flight and freed by answers', () => {
    const { device, send, answer } = setUp();
    for (const request of [1, 2, 3]) send(request);
    expect(device.availability).toBe('busy');
    answer(2);
    expect(device.availability).toBe('ready');
    expect(device.inFlight).toBe(2);
  });

  it('counts a canceled computation until the device shows that it read the cancel', () => {
    const { device, send, answer } = setUp();
    const first = send(1);
    send(2);
    expect(device.cancel(first)).toBe(true);
    answer(2);
    // 2 was sent before the cancel of 1, so its answer proves nothing.
    expect(device.inFlight).toBe(1);
    send(3);
    answer(3);
    expect(device.inFlight).toBe(0);
  });

  it('allows one more computation if all in flight are canceled, and never cancels the last one', () => {
    const { device, send, answer } = setUp();
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
  it('erases everything in flight and ends with the first answer, even a late one', async () => {
    const { clock, log, device, send, answer } = setUp();
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

  it('is not assumed of a device that answers later computations: only the lost one is erased', async () => {
    const { clock, log, device, send, answer } = setUp();
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

  it('is probed once per probe interval', async () => {
    const { clock, device, send } = setUp({ probeEveryMs: 50, inFlightPerDevice: 16 });
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
    // The device became silent at 500 ms: the first probe is at 550 ms, the last at 950 ms.
    expect(probes).toBe(9);
  });

  it('is not assumed when the own thread was blocked, because answers may be unread', async () => {
    for (const answered of [true, false]) {
      const { clock, log, send, answer } = setUp();
      const { schedule } = clock;
      // The first timer fires 300 ms late, as during a long garbage collection.
      clock.schedule = (delayMs, callback) => {
        clock.schedule = schedule;
        return schedule.call(clock, delayMs + 300, callback);
      };
      send(1);
      answer(1);
      send(2);
      await clock.advance(405);
      expect(log).toEqual([]);
      if (answered) answer(2);
      await clock.advance(25);
      expect(log).toEqual(answered ? [] : ['silent', '2 silent']);
    }
  });
});

it('erases and forgets all computations when the connection ends', () => {
  const { device, log, send, answer } = setUp();
  send(1);
  send(2);
  device.disconnect(5, 'gone');
  expect(log).toEqual(['1 down', '2 down']);
  expect(device.inFlight).toBe(0);
  expect(answer(1)).toBeUndefined();
  device.connect(9);
  expect(device.availability).toBe('ready');
});

it('distinguishes two computations of one request by their task', () => {
  const { device, owner } = setUp();
  const a = device.send(1, 10, 0, owner, 0, accounting());
  const b = device.send(1, 11, 0, owner, 0, accounting());
  expect(device.take(1, 12)).toBeUndefined();
  expect(device.take(1, 10)).toBe(a);
  expect(device.take(1, 10)).toBeUndefined();
  expect(device.take(1, 11)).toBe(b);
});
