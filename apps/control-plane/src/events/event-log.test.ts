import { describe, expect, it, vi } from 'vitest';
import { MemoryStore } from '../database/memory-store.ts';
import { log as logger } from '../log.ts';
import { describeEvent } from './describe-event.ts';
import { EventLog } from './event-log.ts';

const event = (message: string) => ({
  kind: 'test',
  level: 'info' as const,
  message,
  device: null,
  deployment: null,
});

describe('the event log', () => {
  it('continues the numbers of the stored events, calls listeners at once, and stores in batches', async () => {
    const store = new MemoryStore();
    const first = await EventLog.open(store);
    first.add(event('one'));
    await first.flush();
    const log = await EventLog.open(store);
    const heard: number[] = [];
    const stop = log.subscribe(({ id }) => heard.push(id));
    const append = vi.spyOn(store, 'appendEvents');
    for (let count = 0; count < 600; count++) log.add(event(`burst ${count}`));
    expect(heard).toHaveLength(600);
    expect(heard[0]).toBe(2);
    expect((await log.query({ limit: 1 }))[0]?.id).toBe(601);
    expect(append.mock.calls.map(([batch]) => batch.length)).toEqual([500, 100]);
    stop();
    log.add(event('unheard'));
    expect(heard).toHaveLength(600);
    await log.flush();
  });

  it('keeps events while the database is not writable, and writes them later in order', async () => {
    const store = new MemoryStore();
    const log = await EventLog.open(store);
    const complaint = vi.spyOn(logger, 'error').mockImplementation(() => {});
    vi.spyOn(store, 'appendEvents').mockRejectedValueOnce(new Error('database is locked'));
    log.add(event('one'));
    await log.flush();
    expect(complaint).toHaveBeenCalledOnce();
    complaint.mockRestore();
    log.add(event('two'));
    expect((await log.query({ limit: 9 })).map(({ message }) => message)).toEqual(['two', 'one']);
  });
});

describe('the text of an event', () => {
  const nameOf = (id: string) => ({ a: 'pi-1', b: 'pi-2' })[id] ?? id;

  it.each([
    [{ kind: 'device-lost', device: 'a', reason: 'its process ended' }, 'pi-1 is lost: its process ended.'],
    [
      { kind: 'install-finished', deployment: 'x', seat: 2, device: 'a', transferredBytes: 0 },
      'pi-1 serves seat 2 of x from its own store, without a transfer.',
    ],
    [
      { kind: 'seat-reassigned', deployment: 'x', seat: 1, from: 'a', to: 'b', seats: ['b'] },
      'Seat 1 of x moves from pi-1 to pi-2.',
    ],
    [
      { kind: 'seat-reassigned', deployment: 'x', seat: 0, from: null, to: 'b', seats: ['b'] },
      'Seat 0 of x is assigned to pi-2.',
    ],
    [{ kind: 'deployment-state', deployment: 'x', state: 'degraded', reason: null }, 'x is degraded.'],
  ] as const)('contains the names of devices: %j', (happening, sentence) => {
    expect(describeEvent(happening, nameOf)?.message).toBe(sentence);
  });

  it.each([
    [{ kind: 'fault-injected', device: 'a', fault: { kind: 'kill' }, active: [] }, 'pi-1 is killed.'],
    [
      { kind: 'fault-injected', device: 'a', fault: { kind: 'delay', ms: 50, sigma: 0 }, active: [] },
      'pi-1: delay 50 ms.',
    ],
    [{ kind: 'fault-healed', device: 'a', ended: 'pause', active: [] }, 'pi-1 is resumed.'],
    [{ kind: 'fault-healed', device: 'a', ended: 'slow', active: [] }, 'The fault "slow" of pi-1 is ended.'],
    [
      { kind: 'fault-healed', device: 'a', ended: 'all', active: [] },
      'The emulated faults of pi-1 are ended.',
    ],
    [{ kind: 'device-revived', device: 'a', active: [] }, 'pi-1 is revived.'],
    [{ kind: 'device-forgotten', device: 'gone', name: 'pi-9' }, 'pi-9 is forgotten.'],
  ] as const)('says what an operator did: %j', (happening, sentence) => {
    expect(describeEvent(happening, nameOf)).toMatchObject({ message: sentence, deployment: null });
  });

  it('names the faulty devices, or says that they are unknown', () => {
    const corruption = {
      kind: 'corruption',
      deployment: 'x',
      step: 'fc1',
      request: 7,
      residual: 0.5,
      threshold: 1e-4,
      answeredWrong: false,
    } as const;
    expect(describeEvent({ ...corruption, faultyDevices: ['b'] }, nameOf)?.message).toContain('sent by pi-2');
    expect(describeEvent({ ...corruption, faultyDevices: [] }, nameOf)?.message).toContain(
      'the faulty device is unknown',
    );
  });

  it('of an outage contains its numbers, and a sentence with the names', () => {
    const common = { deployment: 'x', seat: 1 } as const;
    const texts = (
      [
        { kind: 'outage-began', ...common, device: 'a', inFlight: 37 },
        { kind: 'failure-detected', ...common, device: 'a', afterMs: 3_000.4 },
        { kind: 'redistribution-began', ...common, device: 'b', from: 'a' },
        {
          kind: 'redistribution-finished',
          ...common,
          device: 'b',
          afterMs: 412,
          transferredBytes: 2_500_000,
        },
        { kind: 'outage-ended', ...common, device: 'a', afterMs: 3_413, inFlight: 1 },
        { kind: 'slowdown-ended', ...common, device: 'a', substitute: 'b', afterMs: 20_000 },
      ] as const
    ).map((happening) => describeEvent(happening, nameOf)!);
    expect(texts.map(({ message }) => message)).toEqual([
      'x cannot answer, because pi-1 failed. 37 requests are waiting.',
      'x detected the failure of pi-1 after 3.0 s.',
      'pi-2 loads shard 1 of x for pi-1, as a second task.',
      'pi-2 loaded shard 1 of x in 412 ms (2.5 MB). It computes two shards in turn, so x is slower.',
      'x answers again, 3.4 s after pi-1 failed. 1 request is waiting.',
      'pi-1 computes shard 1 of x again. pi-2 computed it for 20.0 s.',
    ]);
    expect(texts[0]).toMatchObject({ deployment: 'x', device: 'a', seat: 1, requests: 37 });
    expect(texts[1]).toMatchObject({ durationMs: 3_000.4 });
    expect(texts[3]).toMatchObject({ device: 'b', durationMs: 412, bytes: 2_500_000 });
    expect(texts[4]).toMatchObject({ durationMs: 3_413, requests: 1 });
  });

  it('does not exist for progress', () => {
    const progress = { sentBytes: 1, totalBytes: 2 };
    expect(
      describeEvent({ kind: 'install-progress', deployment: 'x', seat: 0, device: 'a', progress }, nameOf),
    ).toBeNull();
  });
});
