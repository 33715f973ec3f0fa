'use client';
import type { Plan } from '@sparewheel/planner';
import type { ApiError, DeploymentView } from '@sparewheel/protocol';
import { Pause, Play } from 'lucide-react';
import { useRef, useState } from 'react';
import { waterfallTable } from '../latency/chart-tables.ts';
import { ExportButtons } from '../latency/export-buttons.tsx';
import { useLive } from '../live-connection/live-provider.tsx';
import { useAnswer } from '../live-connection/use-answer.ts';
import { Button } from '../ui/button.tsx';
import { Card } from '../ui/card.tsx';
import { Notice } from '../ui/notice.tsx';
import { Segmented } from '../ui/segmented.tsx';
import { WaterfallChart } from './waterfall-chart.tsx';
import { chooseTrace, type RequestTrace, type TraceChoice, waterfall } from './waterfall-view.ts';

const CHOICES: readonly { value: TraceChoice; label: string }[] = [
  { value: 'latest', label: 'Latest' },
  { value: 'slowest', label: 'Slowest' },
  { value: 'recovered', label: 'Recovered' },
];

const NOTHING: Record<TraceChoice, string> = {
  latest: 'No request has been answered yet. Start the load, or draw a digit.',
  slowest: 'No request has been answered yet. Start the load, or draw a digit.',
  recovered: 'None of the last requests needed the parity. Kill a device or delay one, and look again.',
};

/** One request, answer by answer: who came when, who was recovered, who came too late. */
export function WaterfallPanel({
  deployment,
  traces,
  problem,
}: {
  deployment: DeploymentView;
  traces: readonly RequestTrace[];
  problem: ApiError | null;
}) {
  const devices = useLive((state) => state.devices);
  const { answer } = useAnswer<DeploymentView>(`/api/deployments/${encodeURIComponent(deployment.name)}`);
  const [choice, setChoice] = useState<TraceChoice>('latest');
  const frame = useRef<HTMLElement>(null);
  const [held, setHeld] = useState<readonly RequestTrace[] | null>(null);

  const names = new Map(devices.map(({ id, name }) => [id, name]));
  const layers = new Map(
    stepsOf(answer?.plan).map((step) => [step.id, step.kind === 'coded' ? step.layer : step.summary]),
  );
  const trace = chooseTrace(held ?? traces, choice, deployment.k);
  const drawn =
    trace === null
      ? null
      : waterfall(
          trace,
          deployment.k,
          (device) => names.get(device) ?? device.slice(0, 8),
          (step) => layers.get(step) ?? step,
        );

  return (
    <Card
      title="One request"
      hint={drawn?.summary}
      actions={
        <div className="flex flex-wrap items-center justify-end gap-2">
          <Segmented label="Which request" value={choice} options={CHOICES} onChange={setChoice} />
          <div className="flex items-center gap-2">
            <Button
              variant="quiet"
              size="icon"
              aria-pressed={held !== null}
              aria-label={held === null ? 'Hold this request' : 'Follow the requests again'}
              title={held === null ? 'Hold this request' : 'Follow the requests again'}
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
      style={{ gridArea: 'waterfall' }}
    >
      <div className="border-t p-4" data-testid="waterfall">
        {problem !== null && drawn === null ? (
          <Notice title={problem.message}>{problem.hint}</Notice>
        ) : drawn === null ? (
          <p className="py-6 text-center text-ink-soft">{NOTHING[choice]}</p>
        ) : (
          <WaterfallChart waterfall={drawn} frame={frame} />
        )}
      </div>
    </Card>
  );
}

/** The API's view carries the plan as it is stored. */
function stepsOf(plan: unknown): Plan['steps'] {
  const steps = (plan as Partial<Plan> | undefined)?.steps;
  return Array.isArray(steps) ? steps : [];
}
