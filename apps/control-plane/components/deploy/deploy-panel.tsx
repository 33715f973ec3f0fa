'use client';
import type { ModelView } from '@sparewheel/protocol';
import Link from 'next/link';
import { useState } from 'react';
import { useLive } from '../live-connection/live-queries.ts';
import { Button } from '../ui/button.tsx';
import { Card } from '../ui/card.tsx';
import { DeployForm } from './deploy-form.tsx';
import { DeploymentNote } from './deployment-note.tsx';
import { ModelDrop } from './model-drop.tsx';
import { ModelLayers } from './model-layers.tsx';
import { useModelUpload } from './use-model-upload.ts';

/** Uploads a model, shows its layers, and deploys it. */
export function DeployPanel({ onDeployed }: { onDeployed: (name: string) => void }) {
  const models = useLive('models');
  const [model, setModel] = useState<ModelView | null>(null);
  const [watched, setWatched] = useState<string | null>(null);
  const upload = useModelUpload(
    models.map(({ name }) => name),
    (uploaded) => {
      setWatched(null);
      setModel(uploaded);
    },
  );

  return (
    <Card
      title="Deploy a model"
      hint={model?.name}
      actions={
        model !== null && (
          <Link
            href={`/models/${encodeURIComponent(model.name)}`}
            className="rounded-md px-1 text-xs font-medium text-ink-soft underline-offset-4 hover:text-ink hover:underline"
          >
            Plan in detail
          </Link>
        )
      }
      id="deploy"
      className="scroll-mt-16"
    >
      <div className="@container flex flex-col gap-4 border-t p-4">
        {model === null ? (
          <>
            <ModelDrop upload={upload} />
            {watched !== null && (
              <DeploymentNote name={watched}>
                <Button
                  size="small"
                  className="mt-2"
                  onClick={() => {
                    onDeployed(watched);
                    window.scrollTo({ top: 0 });
                  }}
                >
                  Show {watched}
                </Button>
              </DeploymentNote>
            )}
            <KnownModels models={models} onPick={setModel} />
          </>
        ) : (
          <>
            <ModelLayers model={model} />
            <DeployForm
              key={model.sha256 + model.name}
              model={model}
              onBack={() => setModel(null)}
              onDeployed={(name) => {
                setWatched(name);
                setModel(null);
              }}
            />
          </>
        )}
      </div>
    </Card>
  );
}

function KnownModels({
  models,
  onPick,
}: {
  models: readonly ModelView[];
  onPick: (model: ModelView) => void;
}) {
  if (models.length === 0) return null;
  return (
    <div className="flex flex-wrap items-center gap-1.5">
      <span className="text-xs text-ink-faint">Or an uploaded model:</span>
      {models.map((model) => (
        <Button key={model.name} size="small" className="max-w-full min-w-0" onClick={() => onPick(model)}>
          <span className="truncate">{model.name}</span>
        </Button>
      ))}
    </div>
  );
}
