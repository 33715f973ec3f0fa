import type { Prediction } from '@sparewheel/planner';
import { formatBytes, formatMs, formatPercent } from '../ui/format.ts';
import type { PlanDrawing } from './plan-drawing.ts';

/** The cost and the benefit of a plan in numbers. */
export function PlanSummary({ drawing }: { drawing: PlanDrawing }) {
  const coded = drawing.steps.filter(({ kind }) => kind === 'coded').length;
  const figures = [
    {
      key: 'coverage',
      label: 'Coverage',
      value: drawing.coverage === null ? '–' : formatPercent(drawing.coverage, 0),
      note: coverageNote(drawing),
    },
    { key: 'devices', label: 'Devices', value: String(drawing.seats.length), note: 'needed' },
    {
      key: 'coded',
      label: 'Distributed',
      value: String(drawing.steps.filter(({ kind }) => kind !== 'local').length),
      note: `of ${drawing.steps.length} ${drawing.steps.length === 1 ? 'step' : 'steps'}, ${coded} coded`,
    },
    {
      key: 'bytes',
      label: 'Traffic per request',
      value: formatBytes(drawing.bytesMoved),
      note: `plus ${formatBytes(drawing.weightsBytes)} of weights once`,
    },
    ...(drawing.dataPlaneWeightsBytes === null
      ? []
      : [
          {
            key: 'data-plane',
            label: 'On the data plane',
            value: formatBytes(drawing.dataPlaneWeightsBytes),
            note: 'weights of local steps',
          },
        ]),
    ...(drawing.predictedMs === null
      ? []
      : [
          {
            key: 'latency',
            label: 'Predicted latency',
            value: formatMs(drawing.predictedMs),
            note: drawing.measured ? 'from measurements, without load' : 'from defaults, without load',
          },
        ]),
  ];
  return (
    <div className="flex flex-col gap-2">
      <dl className="flex flex-wrap gap-px overflow-hidden rounded-lg border bg-line">
        {figures.map(({ key, label, value, note }) => (
          <div key={key} className="min-w-0 flex-1 basis-28 bg-surface px-3 py-2">
            <dt className="text-xs text-ink-soft">{label}</dt>
            <dd data-testid={`plan-${key}`} className="text-lg leading-7 font-semibold tracking-[-0.01em]">
              {value}
            </dd>
            <dd className="text-xs text-ink-faint">{note}</dd>
          </div>
        ))}
      </dl>
      <PlanComparison drawing={drawing} />
    </div>
  );
}

/** Says which failures the coverage counts, and how many at once a coded plan survives. */
export function coverageNote({
  coverage,
  seats,
  steps,
}: Pick<PlanDrawing, 'coverage' | 'seats' | 'steps'>): string {
  if (coverage === null) return 'no devices needed';
  const parity = seats.filter(({ role }) => role === 'parity').length;
  const allCoded = steps.every(({ kind }) => kind === 'coded' || kind === 'local');
  return parity > 1 && allCoded
    ? `of single failures survived; any ${parity} at once, too`
    : 'of single failures survived';
}

/** Compares the plan with the two ways to run the undivided model. */
function PlanComparison({ drawing: { predictions, runsWhole } }: { drawing: PlanDrawing }) {
  if (predictions === null) return null;
  return (
    <p data-testid="plan-comparison" className="text-xs text-ink-soft">
      {runsWhole !== null && <strong className="font-medium text-ink">{runsWhole}. </strong>}
      Predicted per request: this plan {predictionText(predictions.plan)}; one device alone{' '}
      {predictionText(predictions.device)}; the data plane alone {predictionText(predictions.dataPlane)}.
    </p>
  );
}

function predictionText(prediction: Prediction | null): string {
  if (prediction === null) return 'has too little memory';
  return `${formatMs(prediction.ms)}, ${formatBytes(1e6 * prediction.megabytes)}`;
}
