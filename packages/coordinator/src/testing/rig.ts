import type { Tensor } from '@sparewheel/protocol';
import { Coordinator } from '../coordinator.ts';
import type { CoordinatorEvent } from '../events.ts';
import type { CoordinatorOptions } from '../options.ts';
import { DEFAULT_POLICY, type Policy } from '../policy.ts';
import { FakeClock } from './fake-clock.ts';
import {
  randomStream,
  type SyntheticNetwork,
  type SyntheticOptions,
  syntheticNetwork,
} from './linear-network.ts';
import { type DeviceBehavior, MemoryFleet } from './memory-fleet.ts';

export interface RigOptions extends Partial<SyntheticOptions> {
  readonly standbys?: number;
  readonly policy?: Partial<Policy>;
  readonly options?: Partial<CoordinatorOptions>;
  readonly behavior?: Partial<DeviceBehavior>;
}

/** A coordinator with a ready deployment "net" of a synthetic network on in-memory devices d0, d1, … */
export interface Rig {
  readonly clock: FakeClock;
  readonly fleet: MemoryFleet;
  readonly coordinator: Coordinator;
  readonly network: SyntheticNetwork;
  readonly events: CoordinatorEvent[];
  /** Returns a batch of random rows. */
  input(batch?: number): Tensor<'float32'>;
}

/** Creates a rig and waits until its deployment is ready. */
export async function readyRig(rigOptions: RigOptions = {}): Promise<Rig> {
  const { k = 2, r = 1, standbys = 0, seed = 1 } = rigOptions;
  const layers = rigOptions.layers ?? [
    { kind: 'coded', inputs: 6, outputs: 7 },
    { kind: 'local' },
    { kind: 'coded', inputs: 7, outputs: 5 },
  ];
  const replicas = rigOptions.replicas ?? 2;
  const { objective } = rigOptions;
  const network = syntheticNetwork({ k, r, layers, seed, replicas, ...(objective ? { objective } : {}) });
  const clock = new FakeClock();
  const fleet = new MemoryFleet(clock, network.kernel);
  const events: CoordinatorEvent[] = [];
  const coordinator = new Coordinator({
    clock,
    transport: fleet,
    compute: fleet,
    installer: fleet,
    emit: (event) => events.push(event),
    options: { holds: (device, sha256) => fleet.holds(device, sha256), ...rigOptions.options },
  });
  fleet.listen(coordinator);
  const count = network.plan.seats.length + standbys;
  for (let i = 0; i < count; i++) fleet.add(`d${i}`, rigOptions.behavior);
  coordinator.deploy({
    name: 'net',
    plan: network.plan,
    artifacts: network.artifacts,
    policy: { ...DEFAULT_POLICY, ...rigOptions.policy },
    seats: network.plan.seats.map((seat) => `d${seat.seat}`),
  });
  await clock.runUntil(() => coordinator.snapshot().deployments[0]!.state === 'ready');
  const random = randomStream(seed + 1000);
  const width = network.plan.inputs[0]!.dims[1]!;
  return {
    clock,
    fleet,
    coordinator,
    network,
    events,
    input: (batch = 1) => ({
      type: 'float32',
      dims: [batch, width],
      data: Float32Array.from({ length: batch * width }, () => random() * 2 - 1),
    }),
  };
}
