'use client';
import type { ModelView } from '@sparewheel/protocol';
import Link from 'next/link';
import { deploymentStatus } from '../control/deployment-status.ts';
import { useLive } from '../live-connection/live-queries.ts';
import { Card } from '../ui/card.tsx';
import { formatBytes, formatDims, formatMagnitude } from '../ui/format.ts';
import { StatusDot } from '../ui/status-dot.tsx';

/** All models with their size and their deployments. */
export function ModelList({ models }: { models: readonly ModelView[] }) {
  return (
    <Card
      title="Models"
      hint={models.length === 0 ? undefined : `${models.length} ${models.length === 1 ? 'model' : 'models'}`}
    >
      {models.length === 0 ? (
        <p className="border-t px-4 py-8 text-ink-soft">
          No models yet. Upload an ONNX file or a TensorFlow.js model, for example from Teachable Machine, or
          add a network from the zoo.
        </p>
      ) : (
        <ul aria-label="Models">
          {models.map((model) => (
            <ModelRow key={model.name} model={model} />
          ))}
        </ul>
      )}
    </Card>
  );
}

function ModelRow({ model }: { model: ModelView }) {
  const deployments = useLive('deployments').filter((deployment) => deployment.model === model.name);
  const codable = model.layers.filter((layer) => layer.codable).length;
  return (
    <li
      data-testid={`model-${model.name}`}
      className="grid grid-cols-[minmax(0,1fr)] gap-x-6 gap-y-1 border-t px-4 py-3 md:grid-cols-[minmax(0,1fr)_auto] md:items-center"
    >
      <div className="min-w-0">
        <Link
          href={`/models/${encodeURIComponent(model.name)}`}
          className="font-medium break-words underline-offset-4 hover:underline"
        >
          {model.name}
        </Link>
        <p className="text-xs text-ink-faint">
          {codable} of {model.layers.length} linear layers can be coded · input{' '}
          {model.inputs.map((input) => formatDims(input.dims)).join(', ')}
        </p>
        {deployments.length > 0 && (
          <ul aria-label={`Deployments of ${model.name}`} className="mt-1.5 flex flex-wrap gap-1.5">
            {deployments.map((deployment) => {
              const status = deploymentStatus(deployment);
              return (
                <li key={deployment.name} className="max-w-full min-w-0">
                  <Link
                    href={`/?deployment=${encodeURIComponent(deployment.name)}`}
                    className="flex items-center gap-1.5 rounded-md bg-raised px-2 py-0.5 text-xs hover:text-ink"
                  >
                    <StatusDot tone={status.tone} />
                    <span className="min-w-0 [overflow-wrap:anywhere]">{deployment.name}</span>
                    <span className="whitespace-nowrap text-ink-faint">{status.label.toLowerCase()}</span>
                  </Link>
                </li>
              );
            })}
          </ul>
        )}
      </div>
      <dl className="flex gap-6 text-[0.8125rem] md:text-right">
        <div>
          <dt className="text-[0.6875rem] leading-4 text-ink-faint">Parameters</dt>
          <dd>{formatMagnitude(model.parameters)}</dd>
        </div>
        <div>
          <dt className="text-[0.6875rem] leading-4 text-ink-faint">Size</dt>
          <dd>{formatBytes(model.bytes)}</dd>
        </div>
      </dl>
    </li>
  );
}
