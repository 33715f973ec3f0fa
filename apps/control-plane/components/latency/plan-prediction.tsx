import type { DeploymentView, LatencyPeriod } from '@sparewheel/protocol';
import { columnFormat } from './column-format.ts';

/** The median that the planner predicted for the plan, beside the measured one. */
export function PlanPrediction({
  predictions,
  period,
}: {
  predictions: DeploymentView['predictions'];
  period: LatencyPeriod | undefined;
}) {
  if (predictions === null || period === undefined || period.percentiles.count === 0) return null;
  const predicted = predictions.plan.ms;
  const measured = period.percentiles.p50;
  const format = columnFormat([predicted, measured]);
  return (
    <dl
      aria-label="Predicted and measured latency"
      className="flex flex-wrap gap-x-6 gap-y-1 border-t px-4 py-2 text-[0.8125rem]"
    >
      <div className="flex gap-2">
        <dt className="text-ink-soft">Predicted p50, idle and healthy</dt>
        <dd data-testid="predicted-p50" className="font-medium">
          {format(predicted)}
        </dd>
      </div>
      <div className="flex gap-2">
        <dt className="text-ink-soft">Measured p50, {period.name}</dt>
        <dd data-testid="measured-p50" className="font-medium">
          {format(measured)}
        </dd>
      </div>
    </dl>
  );
}
