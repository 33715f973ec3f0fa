'use client';
import type { Plan } from '@sparewheel/planner';
import type { DeploymentView, FaultReportView } from '@sparewheel/protocol';
import { ChartGantt } from 'lucide-react';
import { useRef } from 'react';
import { useApi, useLive } from '../live-connection/live-queries.ts';
import { ErrorNotice } from '../shell/errors.tsx';
import { Button } from '../ui/button.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { WaterfallChart } from '../waterfall/waterfall-chart.tsx';
import { type RequestTrace, waterfall } from '../waterfall/waterfall-view.ts';

/** Shows the slowest request that was in flight at a fault, answer by answer. */
export function RequestDialog({
  report,
  deployment,
}: {
  report: FaultReportView;
  deployment: DeploymentView;
}) {
  const impact = report.deployments.find((each) => each.deployment === deployment.name);
  const nothing = impact?.slowestRequest === null || impact?.slowestRequest === undefined;
  return (
    <Dialog
      title={nothing ? 'No request' : `Request ${impact.slowestRequest}, in flight at the fault`}
      description={`The slowest of ${impact?.inFlight ?? 0} requests of ${deployment.name} that were in flight.`}
      trigger={
        <Button
          size="small"
          disabled={nothing}
          title="Shows the slowest request that was in flight, answer by answer"
        >
          <ChartGantt />
          See a request
        </Button>
      }
    >
      <Request report={report} deployment={deployment} />
    </Dialog>
  );
}

/** Mounted only while the dialog is open. */
function Request({ report, deployment }: { report: FaultReportView; deployment: DeploymentView }) {
  const frame = useRef<HTMLElement>(null);
  const names = useLive('devices', (devices) => devices.map(({ id, name }) => ({ id, name })));
  const { data: detail } = useApi<DeploymentView>(`/api/deployments/${encodeURIComponent(deployment.name)}`);
  const { data, error } = useApi<{ traces: Readonly<Record<string, RequestTrace | null>> }>(
    `/api/faults/${report.id}`,
  );
  const trace = data?.traces[deployment.name];
  if (error !== null) return <ErrorNotice error={error} />;
  if (trace === undefined) return <p className="mt-4 text-ink-soft">Loading.</p>;
  if (trace === null) {
    return (
      <p className="mt-4 text-ink-soft">
        The times of this request were not recorded. It waited for a start.
      </p>
    );
  }
  const nameOf = new Map(names.map(({ id, name }) => [id, name]));
  const steps = (detail?.plan as Partial<Plan> | undefined)?.steps;
  const layers = new Map(
    (Array.isArray(steps) ? steps : []).map((step) => [
      step.id,
      step.kind === 'coded' ? step.layer : step.summary,
    ]),
  );
  const drawn = waterfall(
    trace,
    deployment.planned.k,
    (device) => nameOf.get(device) ?? device.slice(0, 8),
    (step) => layers.get(step) ?? step,
  );
  return (
    <div className="mt-4 flex flex-col gap-3" data-testid="fault-request">
      <p className="text-[0.8125rem] text-ink-soft">{drawn.summary}</p>
      <WaterfallChart waterfall={drawn} frame={frame} />
    </div>
  );
}
