/** When a device counts as silent: slow devices that compute, and dead ones. */
import type { Artifact } from '@sparewheel/planner';
import { describe, expect, it } from 'vitest';
import { Coordinator } from './coordinator.ts';
import type { CoordinatorEvent } from './events.ts';
import { DEFAULT_POLICY } from './policy.ts';
import {
  type DeviceBehavior,
  FakeClock,
  MemoryFleet,
  type SyntheticNetwork,
  syntheticNetwork,
} from './testing/index.ts';

const SMALL_MS = 5;
const SILENT_AFTER_MS = 1_000;

interface SilenceRig {
  readonly clock: FakeClock;
  readonly fleet: MemoryFleet;
  readonly coordinator: Coordinator;
  readonly events: CoordinatorEvent[];
  readonly devices: readonly string[];
  infer(name: 'small' | 'large'): Promise<{ rescued: number; recovered: number }>;
}

/** Deploys a small and a large model on the same 2 + 1 devices. */
async function silenceRig({
  largeMs,
  predictedMs,
  reportEveryMs = null,
}: {
  readonly largeMs: number;
  /** By the plan for a step of the large model. */
  readonly predictedMs?: number;
  readonly reportEveryMs?: number | null;
}): Promise<SilenceRig> {
  const clock = new FakeClock();
  const events: CoordinatorEvent[] = [];
  const layers = [{ kind: 'coded', inputs: 6, outputs: 4 }] as const;
  const networks = {
    small: syntheticNetwork({ k: 2, r: 1, layers, seed: 1 }),
    large: syntheticNetwork({ k: 2, r: 1, layers, seed: 2 }),
  };
  const holds = ({ artifacts }: SyntheticNetwork, { graph }: Artifact) =>
    Object.values(artifacts).some((files) => files.some((file) => file.graph.sha256 === graph.sha256));
  const large = (artifact: Artifact) => holds(networks.large, artifact);
  const fleet = new MemoryFleet(clock, (artifact, feeds) =>
    networks[large(artifact) ? 'large' : 'small'].kernel(artifact, feeds),
  );
  const coordinator = new Coordinator({
    clock,
    transport: fleet,
    compute: fleet,
    installer: fleet,
    emit: (event) => events.push(event),
    options: { silentAfterMs: SILENT_AFTER_MS },
  });
  fleet.listen(coordinator);
  const devices = ['d0', 'd1', 'd2'];
  const behavior: Partial<DeviceBehavior> = {
    computeMs: (artifact) => (large(artifact) ? largeMs : SMALL_MS),
    reportEveryMs,
  };
  for (const device of devices) fleet.add(device, behavior);
  for (const [name, { plan, artifacts }] of Object.entries(networks)) {
    const predicted = { small: SMALL_MS, large: predictedMs }[name];
    const answerMs = predicted === undefined ? {} : { step0: predicted };
    const predictions = { device: null, dataPlane: null, plan: { ms: 0, megabytes: 0, answerMs } };
    coordinator.deploy({
      name,
      plan: { ...plan, predictions },
      artifacts,
      policy: { ...DEFAULT_POLICY, deadlineMs: 60_000 },
      seats: devices,
    });
  }
  await clock.runUntil(() => coordinator.snapshot().deployments.every(({ state }) => state === 'ready'));
  const t0 = { type: 'float32', dims: [1, 6], data: Float32Array.from([1, 2, 3, 4, 5, 6]) } as const;
  const infer = (name: string) => coordinator.infer(name, { t0 });
  return { clock, fleet, coordinator, events, devices, infer };
}

/** Sends 20 requests to the small model and one to the large one, `rounds` times. @returns rescued large steps */
async function alternate({ clock, infer }: SilenceRig, rounds: number): Promise<number> {
  let rescued = 0;
  for (let round = 0; round < rounds; round++) {
    for (let each = 0; each < 20; each++) await clock.run(infer('small'));
    const answer = await clock.run(infer('large'));
    if (answer.rescued > 0) rescued++;
    // The devices finish what is left.
    await clock.advance(3_000);
  }
  return rescued;
}

const silences = ({ events }: SilenceRig) => events.filter(({ kind }) => kind === 'device-silent').length;

describe('a small model that alternates with a large one on slow, correct devices', () => {
  it('loses no large step to the data plane if the plan predicts its time', async () => {
    const rig = await silenceRig({ largeMs: 2_500, predictedMs: 1_500 });
    expect(await alternate(rig, 38)).toBe(0);
    expect(silences(rig)).toBe(0);
  });

  it('loses at most the first large step if the prediction is much too short, and the devices do not report', async () => {
    const rig = await silenceRig({ largeMs: 2_500, predictedMs: 50 });
    expect(await alternate(rig, 38)).toBe(1);
  });

  it('makes no device silent that reports that it computes, also if the prediction is much too short', async () => {
    const rig = await silenceRig({ largeMs: 2_500, predictedMs: 50, reportEveryMs: 250 });
    expect(await alternate(rig, 38)).toBe(1);
    expect(silences(rig)).toBe(0);
  });

  it('loses no small step that waits behind a large one', async () => {
    const rig = await silenceRig({ largeMs: 2_500, predictedMs: 2_500 });
    await alternate(rig, 2);
    for (let round = 0; round < 10; round++) {
      const large = rig.infer('large');
      const small = rig.infer('small');
      for (const answer of [large, small]) expect(await rig.clock.run(answer)).toMatchObject({ rescued: 0 });
    }
    expect(silences(rig)).toBe(0);
  });
});

describe('a dead device', () => {
  it.each([null, 250])(
    'is found after the shortest timeout in a small step, whatever its large steps take (reports: %s)',
    async (reportEveryMs) => {
      const rig = await silenceRig({ largeMs: 2_500, predictedMs: 2_500, reportEveryMs });
      await alternate(rig, 3);
      rig.fleet.pause('d1');
      const pausedAt = rig.clock.now();
      void rig.infer('small');
      await rig.clock.runUntil(() => silences(rig) > 0);
      expect(rig.clock.now() - pausedAt).toBeLessThanOrEqual(SILENT_AFTER_MS + 1);
      expect(rig.events.filter(({ kind }) => kind === 'device-silent')).toMatchObject([{ device: 'd1' }]);
    },
  );

  it('is found within the timeout of its large step, although it reported until its death', async () => {
    const rig = await silenceRig({ largeMs: 900, predictedMs: 50, reportEveryMs: 250 });
    await alternate(rig, 3);
    rig.fleet.device('d1').behavior.computeMs = 60_000;
    void rig.infer('large');
    await rig.clock.advance(8_000);
    expect(silences(rig)).toBe(0);
    rig.fleet.pause('d1');
    await rig.clock.advance(SILENT_AFTER_MS + 250);
    expect(silences(rig)).toBe(1);
  });

  it('is found after the longest timeout, also if it reports forever', async () => {
    const rig = await silenceRig({ largeMs: 900, predictedMs: 900, reportEveryMs: 250 });
    await alternate(rig, 3);
    for (const device of rig.devices) rig.fleet.device(device).behavior.computeMs = 1e9;
    void rig.infer('large');
    await rig.clock.advance(10 * SILENT_AFTER_MS - 10);
    expect(silences(rig)).toBe(0);
    await rig.clock.advance(20);
    expect(silences(rig)).toBe(3);
  });
});

describe('a device that is much slower than before, and reports', () => {
  it('keeps its seat, while the data plane computes its shard after the usual timeout', async () => {
    const rig = await silenceRig({ largeMs: 20, predictedMs: 20, reportEveryMs: 250 });
    await alternate(rig, 3);
    for (const device of rig.devices) rig.fleet.device(device).behavior.computeMs = 4_000;
    const startedAt = rig.clock.now();
    const answer = await rig.clock.run(rig.infer('large'));
    expect(answer.rescued).toBe(2);
    expect(rig.clock.now() - startedAt).toBeLessThan(1.2 * SILENT_AFTER_MS);
    expect(silences(rig)).toBe(0);
    expect(rig.coordinator.snapshot().devices.map(({ state }) => state)).toEqual(['up', 'up', 'up']);
  });

  it('computes its shard once under rescue: "off", where the request must wait for it', async () => {
    const rig = await silenceRig({ largeMs: 20, predictedMs: 20, reportEveryMs: 250 });
    rig.coordinator.setPolicy('large', { ...DEFAULT_POLICY, rescue: 'off', deadlineMs: 60_000 });
    await alternate(rig, 3);
    for (const device of rig.devices) rig.fleet.device(device).behavior.computeMs = 4_000;
    const before = rig.devices.map((device) => rig.fleet.device(device).computed.length);
    expect(await rig.clock.run(rig.infer('large'))).toMatchObject({ rescued: 0 });
    const after = rig.devices.map((device) => rig.fleet.device(device).computed.length);
    expect(after).toEqual(before.map((count) => count + 1));
  });
});
