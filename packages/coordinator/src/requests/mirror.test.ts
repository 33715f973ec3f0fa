/** A deployment that receives copies of the requests of another one. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ask } from '../testing/asked-request.ts';
import { type Rig, type RigOptions, readyRig } from '../testing/index.ts';
import type { Inference } from './accepted-request.ts';
import { Deployment } from './deployment.ts';

const state = ({ coordinator }: Rig) => coordinator.snapshot().deployments[0]!;

const { accept } = Deployment.prototype;
afterEach(() => void vi.restoreAllMocks());

describe('a mirror', () => {
  async function mirroredRig(options: RigOptions = {}) {
    const rig = await readyRig({ k: 2, r: 1, ...options });
    const { plan, artifacts } = rig.network;
    const policy = { ...state(rig).policy, rescue: 'devices', deadlineMs: 5_000 } as const;
    const seats = plan.seats.map(({ seat }) => `d${seat}`);
    rig.coordinator.deploy({ name: 'twin', plan, artifacts, policy, seats, mirrorOf: 'net' });
    await rig.clock.advance(100);
    const twin = () => rig.coordinator.snapshot().deployments.find(({ name }) => name === 'twin')!;
    return { rig, twin };
  }

  it('receives a copy of each accepted request, and of no refused one', async () => {
    const { rig, twin } = await mirroredRig();
    await rig.clock.run(Promise.all([ask(rig), ask(rig), ask(rig)].map(({ done }) => done)));
    await expect(rig.coordinator.infer('net', {})).rejects.toMatchObject({ code: 'invalid-feeds' });
    await rig.clock.advance(100);
    expect(twin()).toMatchObject({
      mirrorOf: 'net',
      mirrored: { offered: 3, accepted: 3, refused: 0, skipped: 0 },
    });
    expect(twin().counters).toMatchObject({ requests: 3, answered: 3 });
    expect(state(rig).counters).toMatchObject({ requests: 3, answered: 3 });
    expect(rig.events.filter(({ kind }) => kind === 'request-copied')).toHaveLength(3);
  });

  it('does not mirror the requests that it receives itself', async () => {
    const { rig, twin } = await mirroredRig();
    const request = ask(rig, 'twin');
    await rig.clock.run(request.done);
    request.expectCorrect();
    expect(twin().mirrored.offered).toBe(0);
    expect(state(rig).counters.requests).toBe(0);
  });

  it('counts what its limits refuse, and neither delays nor fails the original', async () => {
    const { rig, twin } = await mirroredRig({ options: { requestsInFlight: 4, requestsQueued: 0 } });
    const before = await (async () => {
      const request = ask(rig);
      await rig.clock.run(request.done);
      return request.expectCorrect().latencyMs;
    })();
    await rig.clock.advance(100);
    rig.coordinator.setPolicy('twin', { ...twin().policy, rescue: 'off' });
    rig.fleet.kill('d0');
    rig.fleet.kill('d1');
    // The original is rescued by the data plane; the mirror waits.
    for (let i = 0; i < 10; i++) {
      const request = ask(rig);
      await rig.clock.run(request.done);
      expect(request.ended[0]).toMatchObject({ recovered: expect.any(Number) });
      expect((request.ended[0] as Inference).latencyMs).toBeLessThan(10 * before);
    }
    expect(state(rig).counters).toMatchObject({ requests: 11, answered: 11, failed: 0 });
    expect(twin().mirrored).toMatchObject({ offered: 11 });
    await rig.clock.advance(10_000);
    expect(twin().mirrored).toEqual({ offered: 11, accepted: 5, refused: 6, skipped: 0 });
    expect(twin().counters).toMatchObject({ answered: 1, failed: 4 });
  });

  it('skips copies beyond the requests that a closed loop keeps in flight, and counts them', async () => {
    const { rig, twin } = await mirroredRig();
    rig.coordinator.setPolicy('twin', { ...twin().policy, rescue: 'off' });
    rig.fleet.kill('d0');
    rig.fleet.kill('d1');
    const feeds = { t0: rig.input() };
    for (let i = 0; i < 5; i++)
      await rig.clock.run(rig.coordinator.infer('net', feeds, { mirrorInFlight: 2 }));
    expect(twin()).toMatchObject({
      inFlight: 2,
      mirrored: { offered: 5, accepted: 2, refused: 0, skipped: 3 },
    });
    expect(twin().counters).toMatchObject({ requests: 2, refused: 0 });
    expect(rig.events.filter(({ kind }) => kind === 'copy-skipped')).toHaveLength(3);
    // Other callers do not wait for each other: each of their requests is copied.
    await rig.clock.run(rig.coordinator.infer('net', feeds));
    expect(twin().mirrored).toEqual({ offered: 6, accepted: 3, refused: 0, skipped: 3 });
    await rig.clock.advance(10_000);
  });

  it('does not fail the original by a defect in the copy', async () => {
    const { rig, twin } = await mirroredRig();
    const defect = new TypeError('a defect');
    vi.spyOn(Deployment.prototype, 'accept').mockImplementation(function (this: Deployment, ...args) {
      if (this.name === 'twin') throw defect;
      return accept.apply(this, args);
    });
    const request = ask(rig);
    await rig.clock.run(request.done);
    request.expectCorrect();
    expect(twin().mirrored).toEqual({ offered: 1, accepted: 0, refused: 1, skipped: 0 });
    expect(rig.events).toContainEqual({ kind: 'copy-refused', deployment: 'twin', error: defect });
  });

  it('tells the ages of its requests that have not ended, oldest first, queued ones included', async () => {
    const { rig, twin } = await mirroredRig({ options: { requestsInFlight: 1 } });
    rig.coordinator.setPolicy('twin', { ...twin().policy, rescue: 'off' });
    rig.fleet.kill('d0');
    rig.fleet.kill('d1');
    for (let i = 0; i < 2; i++) {
      await rig.clock.run(ask(rig).done);
      await rig.clock.advance(1_000);
    }
    const ages = rig.coordinator.requestAges('twin');
    expect(twin()).toMatchObject({ inFlight: 1, queued: 1 });
    expect(ages).toHaveLength(2);
    expect(ages[1]).toBeGreaterThanOrEqual(1_000);
    expect(ages[0]! - ages[1]!).toBeGreaterThanOrEqual(1_000);
    expect(rig.coordinator.requestAges('net')).toEqual([]);
    await rig.clock.advance(10_000);
    expect(rig.coordinator.requestAges('twin')).toEqual([]);
  });

  it('leaves the cap of each device to the original', async () => {
    const options = { inFlightPerDevice: 2, mirroredPerDevice: 1 };
    const { rig } = await mirroredRig({ options, behavior: { computeMs: 50 } });
    const requests = [ask(rig, 'twin'), ask(rig, 'twin'), ask(rig), ask(rig)];
    await rig.clock.advance(1);
    const perDevice = rig.coordinator.snapshot().devices.map(({ inFlight }) => inFlight);
    expect(perDevice).toEqual([3, 3, 3]);
    await rig.clock.run(Promise.all(requests.map(({ done }) => done)));
    for (const request of requests) request.expectCorrect();
  });

  it('stops when it or its original is undeployed', async () => {
    const { rig } = await mirroredRig();
    await rig.coordinator.undeploy('net');
    const request = ask(rig, 'twin');
    await rig.clock.run(request.done);
    request.expectCorrect();
    await rig.coordinator.undeploy('twin');
    expect(rig.coordinator.snapshot().deployments).toEqual([]);
  });
});
