'use client';
import type { ModelView } from '@sparewheel/protocol';
import { useMutation } from '@tanstack/react-query';
import { Trash2 } from 'lucide-react';
import Link from 'next/link';
import { useRouter } from 'next/navigation';
import { useState } from 'react';
import { toast } from 'sonner';
import { askApi } from '../live-connection/api-client.ts';
import { useLive, useLoaded } from '../live-connection/live-queries.ts';
import { PlanEditor } from '../plan/plan-editor.tsx';
import { Breadcrumb } from '../shell/breadcrumb.tsx';
import { toastError } from '../shell/errors.tsx';
import { LoadingPage } from '../shell/loading-page.tsx';
import { PageHeading } from '../shell/page-heading.tsx';
import { Button } from '../ui/button.tsx';
import { Confirm } from '../ui/confirm.tsx';
import { formatBytes, formatMagnitude } from '../ui/format.ts';
import { Notice } from '../ui/notice.tsx';
import { ModelFacts } from './model-facts.tsx';

/** One model: its layers, and a plan for the current fleet. */
export function ModelPage({ name }: { name: string }) {
  const loaded = useLoaded();
  const model = useLive('models').find((candidate) => candidate.name === name);
  if (!loaded) return <LoadingPage />;
  if (model === undefined) {
    return (
      <div className="flex flex-col gap-4">
        <Breadcrumb href="/models">Models</Breadcrumb>
        <PageHeading title={name} />
        <Notice title="No model has this name.">
          It may have been deleted, or the address is wrong.{' '}
          <Link href="/models" className="font-medium text-ink underline underline-offset-4">
            See all models
          </Link>
          .
        </Notice>
      </div>
    );
  }
  const multiplyAdds = model.layers.reduce((sum, layer) => sum + layer.multiplyAdds, 0);
  return (
    <div className="flex flex-col gap-4">
      <Breadcrumb href="/models">Models</Breadcrumb>
      <PageHeading
        title={model.name}
        hint={`${formatMagnitude(model.parameters)} parameters · ${formatMagnitude(multiplyAdds)} multiply-adds in linear layers · ${formatBytes(model.bytes)}`}
        actions={<DeleteModel model={model} />}
      />
      <div className="grid items-start gap-4 xl:grid-cols-[minmax(0,1fr)_20rem]">
        <div className="flex min-w-0 flex-col gap-4">
          <PlanEditor key={model.sha256} model={model} />
        </div>
        <ModelFacts model={model} />
      </div>
    </div>
  );
}

function DeleteModel({ model: { name } }: { model: ModelView }) {
  const [asking, setAsking] = useState(false);
  const router = useRouter();
  const remove = useMutation({
    mutationFn: () => askApi('DELETE', `/api/models/${encodeURIComponent(name)}`),
    onSuccess: () => {
      toast(`Model ${name} is deleted.`);
      router.push('/models');
    },
    onError: (error) => toastError(error),
  });
  return (
    <>
      <Button variant="danger" size="small" onClick={() => setAsking(true)}>
        <Trash2 />
        Delete…
      </Button>
      <Confirm
        open={asking}
        onOpenChange={setAsking}
        title={`Delete model ${name}?`}
        action={`Delete ${name}`}
        onConfirm={() => remove.mutate()}
      >
        This deletes its file and its profile from the control plane. A model with a deployment cannot be
        deleted.
      </Confirm>
    </>
  );
}
