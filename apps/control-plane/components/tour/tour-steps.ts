import type { DeploymentView } from '@sparewheel/protocol';
import type { FleetRow } from '../fleet/fleet-view.ts';

export type TourAction =
  | { readonly kind: 'start-load' | 'stop-load' }
  | { readonly kind: 'kill' | 'revive'; readonly device: string };

/** One scene: an action, a caption and its duration. */
export interface TourStep {
  readonly caption: string;
  readonly action: TourAction | null;
  readonly holdMs: number;
}

/**
 * Returns a tour of one minute: load, a kill, its effect, and the revival.
 * @returns null without parity, or without a data device that can be revived
 */
export function tourSteps(deployment: DeploymentView, rows: readonly FleetRow[]): readonly TourStep[] | null {
  const healthy = rows.filter((row) => !row.missing && row.seat !== null);
  const victim = healthy.filter((row) => row.role === 'data' && row.device.supervised).at(-1);
  const parity = healthy.find((row) => row.role === 'parity');
  if (victim === undefined || parity === undefined) return null;
  const { k } = deployment.planned;
  const { name, id } = victim.device;
  return [
    {
      caption: `${k} devices (blue) each hold a part of every layer. ${parity.device.name} (amber) holds the sum of these parts.`,
      action: null,
      holdMs: 7_000,
    },
    {
      caption: 'Eight requests are always in flight now. The histogram shows their latencies.',
      action: { kind: 'start-load' },
      holdMs: 10_000,
    },
    {
      caption: `${name} is killed: its process ends at once. One subtraction recovers its answer: the sum minus the others.`,
      action: { kind: 'kill', device: id },
      holdMs: 9_000,
    },
    {
      caption:
        'No request is lost, and more are recovered. Gray is the latency before the fault, amber since.',
      action: null,
      holdMs: 9_000,
    },
    {
      caption: `${name} returns. It still has its shard, so nothing is sent.`,
      action: { kind: 'revive', device: id },
      holdMs: 8_000,
    },
    {
      caption: 'The tour is over. Now break something yourself: every device has a Kill button.',
      action: { kind: 'stop-load' },
      holdMs: 6_000,
    },
  ];
}

/** Returns the actions that undo a tour which is left at a step. */
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
