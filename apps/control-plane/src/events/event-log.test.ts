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

  it('does not exist for progress', () => {
    const progress = { sentBytes: 1, totalBytes: 2 };
    expect(
      describeEvent({ kind: 'install-progress', deployment: 'x', seat: 0, device: 'a', progress }, nameOf),
    ).toBeNull();
  });
});
