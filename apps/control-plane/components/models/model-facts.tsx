'use client';
import type { ModelView } from '@sparewheel/protocol';
import Link from 'next/link';
import { deploymentShape, deploymentStatus } from '../control/deployment-status.ts';
import { useLive } from '../live-connection/live-queries.ts';
import { CopyButton } from '../shell/copy-button.tsx';
import { Card } from '../ui/card.tsx';
import { formatDims } from '../ui/format.ts';
import { LocalTime } from '../ui/local-time.tsx';
import { StatusDot } from '../ui/status-dot.tsx';

/** The inputs, outputs, deployments and checksum of a model. */
export function ModelFacts({ model }: { model: ModelView }) {
  const deployments = useLive('deployments').filter((deployment) => deployment.model === model.name);
  return (
    <Card title="About">
      <dl className="flex flex-col gap-3 border-t p-4 text-[0.8125rem]">
        <Tensors label={model.inputs.length === 1 ? 'Input' : 'Inputs'} tensors={model.inputs} />
        <Tensors label={model.outputs.length === 1 ? 'Output' : 'Outputs'} tensors={model.outputs} />
        <div>
          <dt className="text-xs text-ink-faint">Deployments</dt>
          {deployments.length === 0 ? (
            <dd className="text-ink-soft">No deployments yet</dd>
          ) : (
            deployments.map((deployment) => (
              <dd key={deployment.name} className="flex items-baseline gap-2">
                <StatusDot tone={deploymentStatus(deployment).tone} />
                <span className="min-w-0">
                  <Link
                    href={`/?deployment=${encodeURIComponent(deployment.name)}`}
                    className="font-medium break-words underline-offset-4 hover:underline"
                  >
                    {deployment.name}
                  </Link>{' '}
                  <span className="text-xs text-ink-faint">{deploymentShape(deployment)}</span>
                </span>
              </dd>
            ))
          )}
        </div>
        <div>
          <dt className="text-xs text-ink-faint">Uploaded</dt>
          <dd>
            <LocalTime at={model.createdAt} />
          </dd>
        </div>
        <div className="min-w-0">
          <dt className="text-xs text-ink-faint">SHA-256</dt>
          <dd className="flex items-center gap-1">
            <code className="min-w-0 truncate font-mono text-xs">{model.sha256}</code>
            <CopyButton text={model.sha256} what="the SHA-256" />
          </dd>
        </div>
      </dl>
    </Card>
  );
}

function Tensors({ label, tensors }: { label: string; tensors: ModelView['inputs'] }) {
  return (
    <div>
      <dt className="text-xs text-ink-faint">{label}</dt>
      {tensors.map((tensor) => (
        <dd key={tensor.name} className="break-words">
          <span className="font-medium">{tensor.name}</span>{' '}
          <span className="text-ink-soft">
            {tensor.type}, {formatDims(tensor.dims)}
          </span>
        </dd>
      ))}
    </div>
  );
}
