/** The objective `devices-only`: the data plane computes no linear layer, also if devices are missing. */
import type { FromDevice } from '@sparewheel/protocol';
import { describe, expect, it } from 'vitest';
import { ask, linearRunsOnDataPlane } from './testing/asked-request.ts';
import { type Rig, type RigOptions, readyRig } from './testing/index.ts';
import { corrupted } from './testing/manual-rig.ts';

const OPTIONS: RigOptions = {
  k: 2,
  objective: 'devices-only',
  policy: { deadlineMs: 20_000 },
  options: { returnGraceMs: 0 },
};

const lie = (message: FromDevice) => (message.kind === 'answer' ? corrupted(message) : message);

const state = ({ coordinator }: Rig) => coordinator.snapshot().deployments[0]!;

describe('an uncoded deployment (r = 0)', () => {
  it('lets requests wait while a device is dead, and fails them at their deadline', async () => {
    const rig = await readyRig({ ...OPTIONS, r: 0 });
    rig.fleet.kill('d1');
    expect(state(rig)).toMatchObject({
      state: 'unavailable',
      reason: '1 of 2 seats answer; requests wait for other devices',
    });
    const request = ask(rig);
    await rig.clock.advance(15_000);
    expect(request.ended).toEqual([]);
    await rig.clock.advance(6_000);
    expect(request.ended).toMatchObject([{ code: 'deadline-exceeded' }]);
    expect(linearRunsOnDataPlane(rig)).toEqual([]);
  });

  it('answers the waiting requests when the device returns', async () => {
    const rig = await readyRig({ ...OPTIONS, r: 0 });
    const before = ask(rig);
    rig.fleet.kill('d1');
    const after = ask(rig);
    await rig.clock.advance(3_000);
    expect([...before.ended, ...after.ended]).toEqual([]);
    rig.fleet.revive('d1');
    await rig.clock.run(Promise.all([before.done, after.done]));
    for (const request of [before, after]) expect(request.expectCorrect().rescued).toBe(0);
    expect(state(rig).state).toBe('ready');
    expect(linearRunsOnDataPlane(rig)).toEqual([]);
  });

  it('is rescued by the data plane under the objective "latency"', async () => {
    const rig = await readyRig({ ...OPTIONS, r: 0, objective: 'latency' });
    rig.fleet.kill('d1');
    const request = ask(rig);
    await rig.clock.run(request.done);
    expect(request.expectCorrect().rescued).toBe(2);
    expect(linearRunsOnDataPlane(rig)).toHaveLength(2);
  });
});

describe('a coded deployment (r = 1)', () => {
  it('recovers one dead device at once', async () => {
    const rig = await readyRig({ ...OPTIONS, r: 1 });
    rig.fleet.kill('d1');
    const request = ask(rig);
    await rig.clock.run(request.done);
    expect(request.expectCorrect()).toMatchObject({ rescued: 0, recovered: 2 });
    expect(linearRunsOnDataPlane(rig)).toEqual([]);
  });

  it('lets a request with two dead devices continue on a standby', async () => {
    const rig = await readyRig({ ...OPTIONS, r: 1, standbys: 1 });
    const request = ask(rig);
    rig.fleet.kill('d0');
    rig.fleet.kill('d1');
    await rig.clock.run(request.done);
    expect(request.expectCorrect().rescued).toBe(0);
    expect(linearRunsOnDataPlane(rig)).toEqual([]);
  });

  it('sends a shard again to a device that refused it, but not without pause', async () => {
    const rig = await readyRig({ ...OPTIONS, r: 0, options: { refusalsToReload: 1e9 } });
    rig.fleet.device('d1').behavior.refuse = 'overloaded';
    const request = ask(rig);
    await rig.clock.advance(4_000);
    const tries = rig.fleet.device('d1').computed.length;
    expect(tries).toBeGreaterThan(2);
    expect(tries).toBeLessThan(12);
    rig.fleet.heal('d1');
    await rig.clock.run(request.done);
    request.expectCorrect();
  });

  it('ends a request with an error if the answers contradict each other and no device can be named', async () => {
    const rig = await readyRig({ ...OPTIONS, r: 1, policy: { verify: 'before' } });
    rig.fleet.device('d1').behavior.tamper = lie;
    const request = ask(rig);
    await rig.clock.run(request.done);
    expect(request.ended).toMatchObject([{ code: 'contradictory-answers' }]);
    expect(linearRunsOnDataPlane(rig)).toEqual([]);
  });

  it('reports a contradiction after the answer without computing the layer', async () => {
    const rig = await readyRig({ ...OPTIONS, r: 1, policy: { verify: 'after' } });
    rig.fleet.device('d1').behavior.tamper = lie;
    const request = ask(rig);
    await rig.clock.run(request.done);
    await rig.clock.advance(1_000);
    expect(rig.events.some(({ kind }) => kind === 'corruption')).toBe(true);
    expect(linearRunsOnDataPlane(rig)).toEqual([]);
  });
});

it('a replicated step waits for a device if all replicas are dead', async () => {
  const layers = [{ kind: 'coded', inputs: 6, outputs: 7 }, { kind: 'replicated' }] as const;
  const rig = await readyRig({ ...OPTIONS, r: 1, layers, replicas: 2 });
  rig.fleet.kill('d0');
  rig.fleet.kill('d1');
  const request = ask(rig);
  await rig.clock.advance(3_000);
  expect(request.ended).toEqual([]);
  rig.fleet.revive('d1');
  await rig.clock.run(request.done);
  request.expectCorrect();
  expect(linearRunsOnDataPlane(rig)).toEqual([]);
});
