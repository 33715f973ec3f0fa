import type { DeploymentView } from '@sparewheel/protocol';
import type { FleetRow } from '../fleet/fleet-view.ts';

export type TourAction =
  | { readonly kind: 'start-load' | 'stop-load' }
  | { readonly kind: 'kill' | 'revive'; readonly device: string };

/** One scene: something is done, the caption says what to look at, and it stands for a while. */
export interface TourStep {
  readonly caption: string;
  readonly action: TourAction | null;
  readonly holdMs: number;
}

/**
 * A tour of one minute over a deployment: load, a kill, what it costs, the revival.
 * @returns null where there is nothing to show: no parity, or no data device that can be killed and revived
 */
export function tourSteps(deployment: DeploymentView, rows: readonly FleetRow[]): readonly TourStep[] | null {
  const healthy = rows.filter((row) => !row.missing && row.seat !== null);
  const victim = healthy.filter((row) => row.role === 'data' && row.device.supervised).at(-1);
  const parity = healthy.find((row) => row.role === 'parity');
  if (victim === undefined || parity === undefined) return null;
  const { k } = deployment;
  const { name, id } = victim.device;
  return [
    {
      caption: `${k} devices, blue, each hold a part of every layer. ${parity.device.name}, amber, holds the sum of their parts.`,
      action: null,
      holdMs: 7_000,
    },
    {
      caption: 'Eight requests are always in flight now. Their latencies draw the histogram.',
      action: { kind: 'start-load' },
      holdMs: 10_000,
    },
    {
      caption: `${name} is killed: its process ends at once. Its answer is the sum’s answer minus the others’, one subtraction away.`,
      action: { kind: 'kill', device: id },
      holdMs: 9_000,
    },
    {
      caption: 'Lost stays at 0, recovered climbs. Grey is the latency before the fault, amber since.',
      action: null,
      holdMs: 9_000,
    },
    {
      caption: `${name} comes back. It still holds its shard, so nothing has to be sent.`,
      action: { kind: 'revive', device: id },
      holdMs: 8_000,
    },
    {
      caption: 'That was the tour. Now break something yourself: every device has a Kill button.',
      action: { kind: 'stop-load' },
      holdMs: 6_000,
    },
  ];
}

/** What a tour that is left at a step must still do, so that it leaves nothing broken behind. */
export function undoTour(steps: readonly TourStep[], leftAt: number): readonly TourAction[] {
  const done = steps.slice(0, leftAt + 1).flatMap((step) => step.action ?? []);
  const began = (kind: TourAction['kind']) => done.some((action) => action.kind === kind);
  return steps
    .slice(leftAt + 1)
    .flatMap((step) => step.action ?? [])
    .filter(
      (action) =>
        (action.kind === 'revive' && began('kill')) || (action.kind === 'stop-load' && began('start-load')),
    );
}
