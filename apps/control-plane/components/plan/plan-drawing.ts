import type { Plan, PlanExplanation, Predictions, Step } from '@sparewheel/planner';
import { formatBytes, formatMagnitude, formatMs, seatLabel } from '../ui/format.ts';

/** The answer of `POST /api/plans`. A plan that is stored with a deployment has no explanation. */
export type ExplainedPlan = Plan & { readonly explanation?: PlanExplanation };

/** One step: a stripe of the strip and a row of the list. */
export interface DrawnStep {
  readonly id: string;
  /** `uncoded`: divided, without parity. */
  readonly kind: Step['kind'] | 'uncoded';
  /** "conv1" or "Relu, MaxPool". */
  readonly title: string;
  /** "4 + 1 shards of up to 30 rows". */
  readonly where: string;
  /** Its share of the strip, in (0, 1]. */
  readonly share: number;
  /** null without a prediction. */
  readonly predictedMs: number | null;
  /** What the failure of one device costs, as a sentence. */
  readonly failure?: string;
  readonly bytes: number | null;
  readonly multiplyAdds: number | null;
}

export interface DrawnSeat {
  readonly seat: number;
  readonly role: Plan['seats'][number]['role'];
  readonly label: string;
  readonly weightsBytes: number;
  /** Share of the largest seat's weights, in [0, 1]. */
  readonly share: number;
  readonly multiplyAdds: number;
  readonly bytesMoved: number;
  /** The memory of the device that must take this seat; null if any device can. */
  readonly memoryBytes: number | null;
  readonly device: string | null;
}

export interface PlanDrawing {
  readonly steps: readonly DrawnStep[];
  readonly seats: readonly DrawnSeat[];
  /** null without devices. */
  readonly coverage: number | null;
  readonly bytesMoved: number;
  readonly weightsBytes: number;
  /** Weights of the local steps, held by the data plane; null without an explanation. */
  readonly dataPlaneWeightsBytes: number | null;
  readonly predictedMs: number | null;
  /** This plan, one device alone, and the data plane alone; null in plans of older versions. */
  readonly predictions: Predictions | null;
  /** Why no layer is divided; null if a layer is divided. */
  readonly runsWhole: string | null;
  /** Whether the prediction is based on measurements of the devices. */
  readonly measured: boolean;
  /** Where the layers are that the plan does not distribute. */
  readonly elsewhere: string;
  /** What the widths of the strip show. */
  readonly drawnTo: 'predicted time' | 'multiply-adds' | 'steps';
  /** Whether and why each linear layer is distributed, by name. */
  readonly decisions: ReadonlyMap<string, { readonly distributed: boolean; readonly reason: string }>;
}

/** The minimum share of a step, so that it is visible. */
const THINNEST = 0.01;

/** Prepares a plan for drawing, with its prediction if there is one. */
export function drawPlan(plan: ExplainedPlan): PlanDrawing {
  const { explanation } = plan;
  const explained = new Map(explanation?.steps.map((step) => [step.step, step]));
  const totals = new Map(explanation?.seats.map((seat) => [seat.seat, seat]));
  const largest = Math.max(1, ...plan.seats.map(({ weightsBytes }) => weightsBytes));
  const works = plan.steps.map((step) => (step.kind === 'coded' ? step.multiplyAdds : 0));
  const predicted = plan.steps.map(({ id }) => explained.get(id)?.ms ?? null);
  const drawnTo = predicted.every((ms) => ms !== null)
    ? 'predicted time'
    : works.some((work) => work > 0)
      ? 'multiply-adds'
      : 'steps';
  const widths =
    drawnTo === 'predicted time'
      ? predicted.map((ms) => ms ?? 0)
      : drawnTo === 'steps'
        ? works.map(() => 1)
        : works;
  const whole = widths.reduce((sum, width) => sum + width, 0) || 1;

  return {
    steps: plan.steps.map((step, index): DrawnStep => {
      const { ms = null, bytes = null, failure } = explained.get(step.id) ?? {};
      return {
        id: step.id,
        kind: step.kind === 'coded' && step.parityShards === 0 ? 'uncoded' : step.kind,
        title: step.kind === 'coded' ? step.layer : step.summary,
        where: whereOf(step),
        share: Math.max(THINNEST, (widths[index] ?? 0) / whole),
        predictedMs: ms,
        bytes,
        multiplyAdds: step.kind === 'coded' ? step.multiplyAdds : null,
        ...(failure ? { failure } : {}),
      };
    }),
    seats: plan.seats.map((seat) => ({
      seat: seat.seat,
      role: seat.role,
      label: seatLabel(seat.role, seat.seat),
      weightsBytes: seat.weightsBytes,
      share: seat.weightsBytes / largest,
      multiplyAdds: seat.multiplyAdds,
      bytesMoved: seat.bytesIn + seat.bytesOut,
      memoryBytes: totals.get(seat.seat)?.memoryBytes ?? null,
      device: totals.get(seat.seat)?.device ?? null,
    })),
    coverage: plan.seats.length === 0 ? null : plan.coverage,
    bytesMoved: plan.seats.reduce((sum, { bytesIn, bytesOut }) => sum + bytesIn + bytesOut, 0),
    weightsBytes: plan.seats.reduce((sum, { weightsBytes }) => sum + weightsBytes, 0),
    dataPlaneWeightsBytes: explanation?.dataPlaneWeightsBytes ?? null,
    predictedMs: explanation?.predictedMs ?? null,
    predictions: plan.predictions ?? null,
    runsWhole: plan.runsWhole ?? null,
    measured: explanation?.measured ?? false,
    elsewhere: elsewhereOf(plan),
    drawnTo,
    decisions: new Map(
      plan.decisions.map(({ layer, distributed, reason }) => [layer, { distributed, reason }]),
    ),
  };
}

/** Describes a step in one line, for the tooltip of the strip. */
export function describeStep(step: DrawnStep): string {
  const parts = [`${step.title}: ${step.kind}, ${step.where}`];
  if (step.multiplyAdds !== null) parts.push(`${formatMagnitude(step.multiplyAdds)} multiply-adds`);
  if (step.bytes !== null && step.bytes > 0) parts.push(`${formatBytes(step.bytes)} moved`);
  if (step.predictedMs !== null) parts.push(`${formatMs(step.predictedMs)} predicted`);
  if (step.failure) parts.push(`if a device fails: ${step.failure}`);
  return parts.join(' · ');
}

function elsewhereOf({ steps, runsWhole }: ExplainedPlan): string {
  if (steps.some(({ kind }) => kind === 'local')) return 'local';
  return runsWhole ? 'whole on one device' : 'replicated';
}

function backupsOf({ length }: readonly number[]): string {
  return length === 2 ? '1 backup' : `${length - 1} backups`;
}

function whereOf(step: Step): string {
  switch (step.kind) {
    case 'local':
      return 'on the data plane';
    case 'replicated':
      if (step.tile) {
        const { output, outputRows } = step.tile;
        return `rows ${output.from + 1} to ${output.to} of ${outputRows}, ${backupsOf(step.seats)}`;
      }
      if (step.slice) {
        const { part, units } = step.slice;
        return `columns or heads ${part.from + 1} to ${part.to} of ${units}, ${backupsOf(step.seats)}`;
      }
      return step.seats.length === 1 ? 'one device, no replica' : `${step.seats.length} replicas`;
    case 'coded':
      return `${step.dataShards} + ${step.parityShards} ${step.split === 'inputs' ? 'pieces of the input' : 'shards'} of ${step.height} rows`;
  }
}
