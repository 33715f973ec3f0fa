/** The nemesis's schedule: pure and reproducible from a seed. Devices are numbers here. */
import type { Random } from '@sparewheel/zoo/random';

/**
 * A fault on one device. `api` uses the product's fault API; `signal` sends a signal to the process directly.
 */
export type DeviceFault =
  | { readonly kind: 'kill'; readonly via: 'api' | 'signal' }
  | { readonly kind: 'pause'; readonly via: 'api' | 'signal' }
  | { readonly kind: 'partition' }
  | { readonly kind: 'delay'; readonly ms: number; readonly sigma: number }
  | { readonly kind: 'slow'; readonly factor: number }
  | { readonly kind: 'drop'; readonly probability: number }
  | { readonly kind: 'cut-sockets' };

/** A fault, or several simultaneous faults, that starts and ends before the next episode. */
export type Episode =
  /** Device faults that start within `spreadMs`, and end `holdMs` later in another order. */
  | {
      readonly kind: 'devices';
      readonly victims: readonly { readonly device: number; readonly fault: DeviceFault }[];
      readonly spreadMs: number;
      readonly holdMs: number;
      readonly endOrder: readonly number[];
    }
  /** A device returns wrong values, while the policy verifies every request before the answer. */
  | { readonly kind: 'corrupt'; readonly device: number; readonly amount: number; readonly holdMs: number }
  | { readonly kind: 'supervisor'; readonly how: 'cut-sockets' | 'pause' | 'kill'; readonly holdMs: number }
  /**
   * A deployment is created and deleted beside those under load; with `diskFull`, one device's disk is full.
   */
  | { readonly kind: 'redeploy'; readonly diskFull: boolean; readonly holdMs: number }
  /** A guest device joins, a local device is killed and its seat taken over, and the guest leaves again. */
  | {
      readonly kind: 'join';
      readonly clock: 'steady' | 'jumping';
      readonly victim: number;
      readonly leave: 'orderly' | 'killed';
      readonly holdMs: number;
    }
  | { readonly kind: 'network'; readonly holdMs: number }
  | { readonly kind: 'policy'; readonly waitMs: number | 'any-k' | 'all'; readonly holdMs: number }
  | { readonly kind: 'control-plane-kill' };

/** The faults that the machine and the fleet allow. */
export interface Abilities {
  readonly devices: number;
  readonly cutSockets: boolean;
  readonly fillDisk: boolean;
  readonly network: boolean;
}

/** Longer than the ping timeout, so that the connection of a silent device is closed. */
const LONG_HOLD_MS = 6_500;

/**
 * Draws the next episode. Most are device faults: usually one device, sometimes two, rarely three or more.
 */
export function nextEpisode(random: Random, abilities: Abilities): Episode {
  const choices: [weight: number, make: () => Episode][] = [
    [12, () => deviceEpisode(random, abilities, 1)],
    [5, () => deviceEpisode(random, abilities, 2)],
    [2, () => deviceEpisode(random, abilities, 3 + random.below(abilities.devices - 2))],
    [
      2,
      () => ({
        kind: 'corrupt',
        device: random.below(abilities.devices),
        amount: random.uniform() < 0.5 ? 1 : -random.between(0.01, 100),
        holdMs: random.between(200, 1_200),
      }),
    ],
    [
      1,
      () => ({
        kind: 'supervisor',
        how: random.uniform() < 0.3 ? 'kill' : abilities.cutSockets ? 'cut-sockets' : 'pause',
        holdMs: random.between(200, 1_500),
      }),
    ],
    [1, () => ({ kind: 'policy', waitMs: pick(random, ['all', 5, 50] as const), holdMs: 1_000 })],
    [
      1,
      () => ({
        kind: 'redeploy',
        diskFull: abilities.fillDisk && random.uniform() < 0.6,
        holdMs: random.between(100, 500),
      }),
    ],
    [
      1,
      () => ({
        kind: 'join',
        clock: pick(random, ['steady', 'jumping'] as const),
        victim: random.below(abilities.devices),
        leave: pick(random, ['orderly', 'killed'] as const),
        holdMs: random.between(500, 4_000),
      }),
    ],
  ];
  if (abilities.network) choices.push([1, () => ({ kind: 'network', holdMs: random.between(500, 2_000) })]);
  let left = random.between(
    0,
    choices.reduce((sum, [weight]) => sum + weight, 0),
  );
  for (const [weight, make] of choices) {
    left -= weight;
    if (left < 0) return make();
  }
  return deviceEpisode(random, abilities, 1);
}

function deviceEpisode(random: Random, abilities: Abilities, count: number): Episode {
  const devices = shuffled(
    random,
    Array.from({ length: abilities.devices }, (_, device) => device),
  ).slice(0, count);
  return {
    kind: 'devices',
    victims: devices.map((device) => ({ device, fault: deviceFault(random, abilities) })),
    spreadMs: random.uniform() < 0.5 ? 0 : random.between(0, 600),
    holdMs: random.uniform() < 0.12 ? LONG_HOLD_MS : random.between(50, 2_200),
    endOrder: shuffled(random, devices),
  };
}

function deviceFault(random: Random, abilities: Abilities): DeviceFault {
  const via = random.uniform() < 0.5 ? 'api' : 'signal';
  const faults: DeviceFault[] = [
    { kind: 'kill', via: 'api' },
    { kind: 'kill', via: 'signal' },
    { kind: 'kill', via },
    { kind: 'pause', via },
    { kind: 'partition' },
    { kind: 'delay', ms: random.between(5, 400), sigma: random.uniform() < 0.5 ? 0 : 1 },
    { kind: 'slow', factor: random.between(2, 200) },
    { kind: 'drop', probability: random.between(0.1, 1) },
  ];
  if (abilities.cutSockets) faults.push({ kind: 'cut-sockets' });
  return pick(random, faults);
}

function pick<T>(random: Random, from: readonly T[]): T {
  return from[random.below(from.length)]!;
}

function shuffled<T>(random: Random, items: readonly T[]): T[] {
  const result = [...items];
  for (let i = result.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [result[i], result[j]] = [result[j]!, result[i]!];
  }
  return result;
}
