'use client';
import type { Plan } from '@sparewheel/planner';
import type { DeploymentView } from '@sparewheel/protocol';
import { Pause, Play } from 'lucide-react';
import { useRef, useState } from 'react';
import { ExportButtons } from '../export/export-buttons.tsx';
import { waterfallTable } from '../latency/chart-tables.ts';
import { useApi, useLive } from '../live-connection/live-queries.ts';
import { EmulatedBadge } from '../presets/emulated-badge.tsx';
import { ErrorNotice } from '../shell/errors.tsx';
import { Button } from '../ui/button.tsx';
import { Card } from '../ui/card.tsx';
import { Segmented } from '../ui/segmented.tsx';
import { WaterfallChart } from './waterfall-chart.tsx';
import { chooseTrace, type RequestTrace, type TraceChoice, waterfall } from './waterfall-view.ts';

const CHOICES: readonly { value: TraceChoice; label: string }[] = [
  { value: 'latest', label: 'Latest' },
  { value: 'slowest', label: 'Slowest' },
  { value: 'recovered', label: 'Recovered' },
];

const NOTHING: Record<TraceChoice, string> = {
  latest: 'No requests yet. Start a load or draw a digit.',
  slowest: 'No requests yet. Start a load or draw a digit.',
  recovered: 'None of the last requests needed parity. Kill or delay a device to see one.',
};

/** One request, answer by answer: which answers were used, recovered or late. */
export function WaterfallPanel({
  deployment,
  traces,
  error,
}: {
  deployment: DeploymentView;
  traces: readonly RequestTrace[];
  error: Error | null;
}) {
  const names = useLive('devices', (devices) => devices.map(({ id, name }) => ({ id, name })));
  const { data: detail } = useApi<DeploymentView>(`/api/deployments/${encodeURIComponent(deployment.name)}`);
  const [choice, setChoice] = useState<TraceChoice>('latest');
  const frame = useRef<HTMLElement>(null);
  const [held, setHeld] = useState<readonly RequestTrace[] | null>(null);

  const nameOf = new Map(names.map(({ id, name }) => [id, name]));
  const layers = new Map(
    stepsOf(detail?.plan).map((step) => [step.id, step.kind === 'coded' ? step.layer : step.summary]),
  );
  const trace = chooseTrace(held ?? traces, choice, deployment.planned.k);
  const drawn =
    trace === null
      ? null
      : waterfall(
          trace,
          deployment.planned.k,
          (device) => nameOf.get(device) ?? device.slice(0, 8),
          (step) => layers.get(step) ?? step,
        );

  return (
    <Card
      title="One request"
      hint={
        <span className="flex items-center gap-2">
          {drawn?.summary} <EmulatedBadge deployment={deployment} />
        </span>
      }
      actions={
        <div className="flex flex-wrap items-center justify-end gap-2">
          <Segmented label="Which request" value={choice} options={CHOICES} onChange={setChoice} />
          <div className="flex items-center gap-2">
            <Button
              variant="quiet"
              size="icon"
              aria-pressed={held !== null}
              aria-label={held === null ? 'Hold this request' : 'Show new requests again'}
              title={held === null ? 'Hold this request' : 'Show new requests again'}
              disabled={traces.length === 0}
              onClick={() => setHeld(held === null ? traces : null)}
            >
              {held === null ? <Pause /> : <Play />}
            </Button>
            <ExportButtons
              chart="the waterfall"
              title={`One request of ${deployment.name}: ${drawn?.summary ?? ''}`}
              fileName={`request-${deployment.name}-${drawn?.request ?? ''}`}
              frame={frame}
              disabled={drawn === null}
              table={() => (drawn ? waterfallTable(drawn) : { columns: [], rows: [] })}
            />
          </div>
        </div>
      }
    >
      <div className="border-t p-4" data-testid="waterfall">
        {error !== null && drawn === null ? (
          <ErrorNotice error={error} />
        ) : drawn === null ? (
          <p className="py-6 text-center text-ink-soft">{NOTHING[choice]}</p>
        ) : (
          <WaterfallChart waterfall={drawn} frame={frame} />
        )}
      </div>
    </Card>
  );
}

/** Returns the steps of a stored plan; empty for a plan of another version. */
function stepsOf(plan: unknown): Plan['steps'] {
  const steps = (plan as Partial<Plan> | undefined)?.steps;
  return Array.isArray(steps) ? steps : [];
}
