'use client';
import type { DeploymentView } from '@sparewheel/protocol';
import { Plus } from 'lucide-react';
import { SeatProgress } from '../deploy/seat-progress.tsx';
import { useLive } from '../live-connection/live-queries.ts';
import { EmulatedBadge } from '../presets/emulated-badge.tsx';
import { Tour } from '../tour/tour.tsx';
import { cn } from '../ui/class-names.ts';
import { Notice } from '../ui/notice.tsx';
import { StatusDot } from '../ui/status-dot.tsx';
import { DeploymentMenu } from './deployment-menu.tsx';
import { deploymentForecast, deploymentShape, deploymentStatus, standbyCount } from './deployment-status.ts';

/** All deployments, and the state of the selected one. */
export function DeploymentBar({
  selected,
  onSelect,
}: {
  selected: DeploymentView | null;
  onSelect: (name: string) => void;
}) {
  const deployments = useLive('deployments');
  const standbys = useLive('devices', (devices) => (selected === null ? 0 : standbyCount(devices, selected)));
  if (selected === null) {
    return (
      <Notice title="No deployment yet">
        <p>
          Drop an ONNX or TensorFlow.js model on{' '}
          <a href="#deploy" className="font-medium text-ink underline underline-offset-4">
            Deploy a model
          </a>{' '}
          below and choose how many devices share it. The deployment then appears here.
        </p>
      </Notice>
    );
  }
  const status = deploymentStatus(selected, standbys);
  const forecast = deploymentForecast(selected);
  return (
    <div className="flex flex-col gap-2">
      <div className="flex flex-wrap items-center gap-x-4 gap-y-2">
        <nav aria-label="Deployments" className="flex min-w-0 flex-wrap items-center gap-1.5">
          {deployments.map((deployment) => (
            <DeploymentTab
              key={deployment.name}
              deployment={deployment}
              selected={deployment.name === selected.name}
              onSelect={onSelect}
            />
          ))}
          <a
            href="#deploy"
            className="flex h-8 items-center gap-1 rounded-lg px-2 text-[0.8125rem] font-medium text-ink-soft hover:bg-raised hover:text-ink"
          >
            <Plus aria-hidden className="size-3.5" />
            Deploy a model
          </a>
          <EmulatedBadge deployment={selected} />
          <Tour key={selected.name} deployment={selected} />
        </nav>
        <div className="flex min-w-0 flex-1 basis-96 items-center gap-2 text-xs leading-4 text-ink-faint lg:text-right">
          {/* Of constant height: a text that wraps would move every button below it. */}
          <div className="min-w-0 flex-1" data-testid="deployment-facts">
            <Fact text={deploymentShape(selected, standbys)} />
            {/* In a line of its own, because it was cut off behind the shape. */}
            {forecast !== null && <Fact text={forecast} />}
            <Fact text={status.sentence} />
          </div>
          <DeploymentMenu key={selected.name} deployment={selected} />
        </div>
      </div>
      {status.busy && <SeatProgress deployment={selected} />}
    </div>
  );
}

function Fact({ text }: { text: string }) {
  return (
    <p title={text} className="line-clamp-2 h-8 lg:line-clamp-1 lg:h-4">
      {text}
    </p>
  );
}

function DeploymentTab({
  deployment,
  selected,
  onSelect,
}: {
  deployment: DeploymentView;
  selected: boolean;
  onSelect: (name: string) => void;
}) {
  const status = deploymentStatus(deployment);
  return (
    <button
      type="button"
      data-testid={`deployment-${deployment.name}`}
      data-state={deployment.state}
      aria-pressed={selected}
      title={deployment.name}
      onClick={() => onSelect(deployment.name)}
      className={cn(
        'flex h-8 max-w-72 min-w-0 items-center gap-2 rounded-lg border px-3 text-[0.8125rem] font-medium transition-colors',
        selected
          ? 'border-line-strong bg-surface shadow-card'
          : 'border-transparent text-ink-soft hover:bg-raised hover:text-ink',
      )}
    >
      <StatusDot tone={status.tone} pulse={status.busy} />
      <span className="truncate">{deployment.name}</span>
      <span className="text-xs font-normal text-ink-faint">{status.label}</span>
    </button>
  );
}
