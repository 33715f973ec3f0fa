/** A step that needs several devices at once gets them while other requests keep all devices at their caps. */
import type { Tensor } from '@sparewheel/protocol';
import { describe, expect, it } from 'vitest';
import { DEFAULT_POLICY } from './policy.ts';
import { type Rig, type RigOptions, readyRig } from './testing/index.ts';

const INPUT: Tensor = { type: 'float32', dims: [1, 6], data: new Float32Array(6).fill(1) };
const LOAD_MS = 2_000;
const IN_FLIGHT = 60;

/** Deploys the network a second time, on the same devices, so that requests to it fill all devices. */
async function deployOther({ clock, coordinator, network: { plan, artifacts } }: Rig): Promise<void> {
  const seats = plan.seats.map(({ seat }) => `d${seat}`);
  coordinator.deploy({ name: 'other', plan, artifacts, policy: { ...DEFAULT_POLICY, verify: 'off' }, seats });
  await clock.runUntil(() => coordinator.snapshot().deployments.every(({ state }) => state === 'ready'));
}

/**
 * Sends one request after the other to "net" while "other" is overloaded.
 * @returns the answered and failed requests of both
 */
async function underLoad(options: RigOptions) {
  const rig = await readyRig({ ...options, behavior: { computeMs: 5 } });
  await deployOther(rig);
  const { clock, coordinator } = rig;
  const endsAt = clock.now() + LOAD_MS;
  const client = async (name: string) => {
    let answered = 0;
    for (; clock.now() < endsAt; answered++) await coordinator.infer(name, { t0: INPUT });
    return answered;
  };
  const others = Array.from({ length: IN_FLIGHT }, () => client('other'));
  const [net, ...other] = await clock.run(Promise.all([client('net'), ...others]));
  return { net, other: other.reduce((sum, count) => sum + count, 0) };
}

describe('while other requests keep all devices at their caps', () => {
  it.each<[string, RigOptions]>([
    ['a step gets the two replicas that must agree', { k: 1, layers: [{ kind: 'replicated' }] }],
    ['also with a small cap', { k: 1, layers: [{ kind: 'replicated' }], options: { inFlightPerDevice: 2 } }],
    ['a coded step gets one device more', { k: 2, layers: [{ kind: 'coded', inputs: 6, outputs: 7 }] }],
  ])('%s', async (_, options) => {
    const { net, other } = await underLoad({ ...options, r: 1, policy: { verify: 'before' } });
    // One request that is answered only after the load would count.
    expect(net).toBeGreaterThan(5);
    expect(other).toBeGreaterThan(IN_FLIGHT);
  });
});
