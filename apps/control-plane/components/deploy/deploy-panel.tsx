'use client';
import type { ModelView } from '@sparewheel/protocol';
import Link from 'next/link';
import { useState } from 'react';
import { deploymentStatus } from '../control/deployment-status.ts';
import { useLive } from '../live-connection/live-provider.tsx';
import { Button } from '../ui/button.tsx';
import { Card } from '../ui/card.tsx';
import { Notice } from '../ui/notice.tsx';
import { DeployForm } from './deploy-form.tsx';
import { ModelDrop } from './model-drop.tsx';
import { ModelLayers } from './model-layers.tsx';
import { SeatProgress } from './seat-progress.tsx';
import { useModelUpload } from './use-model-upload.ts';

/** From a file to something that serves: drop, look, choose, wait for the shards. */
export function DeployPanel({ onDeployed }: { onDeployed: (name: string) => void }) {
  const models = useLive((state) => state.models);
  const [model, setModel] = useState<ModelView | null>(null);
  const [watched, setWatched] = useState<string | null>(null);
  const { upload, send } = useModelUpload(
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
            Plan it in detail
          </Link>
        )
      }
      id="deploy"
      className="scroll-mt-16"
      style={{ gridArea: 'deploy' }}
    >
      <div className="@container flex flex-col gap-4 border-t p-4">
        {model === null ? (
          <>
            <ModelDrop upload={upload} onFile={(file) => void send(file)} />
            {watched !== null && <DeployedNote name={watched} onShow={onDeployed} />}
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
      <span className="text-xs text-ink-faint">Or one that is here:</span>
      {models.map((model) => (
        <Button key={model.name} size="small" onClick={() => onPick(model)}>
          {model.name}
        </Button>
      ))}
    </div>
  );
}

/** What became of the deployment that was started here. */
function DeployedNote({ name, onShow }: { name: string; onShow: (name: string) => void }) {
  const deployment = useLive((state) => state.deployments).find((candidate) => candidate.name === name);
  if (deployment === undefined) return null;
  const status = deploymentStatus(deployment);
  if (status.busy) return <SeatProgress deployment={deployment} />;
  if (deployment.state === 'failed')
    return (
      <Notice tone="danger" title={`${name} failed.`}>
        {status.sentence}
      </Notice>
    );
  return (
    <Notice title={`${name} serves.`}>
      <p>{status.sentence}</p>
      <Button
        size="small"
        className="mt-2"
        onClick={() => {
          onShow(name);
          window.scrollTo({ top: 0 });
        }}
      >
        Show {name}
      </Button>
    </Notice>
  );
}
