'use client';
import Link from 'next/link';
import { useLive } from '../live-connection/live-provider.tsx';
import { PlanEditor } from '../plan/plan-editor.tsx';
import { Breadcrumb } from '../shell/breadcrumb.tsx';
import { LoadingPage } from '../shell/loading-page.tsx';
import { PageHeading } from '../shell/page-heading.tsx';
import { formatBytes, formatMagnitude } from '../ui/format.ts';
import { Notice } from '../ui/notice.tsx';
import { DeleteModel } from './delete-model.tsx';
import { ModelFacts } from './model-facts.tsx';

/** One model: what it is made of, and how it would run on the fleet that is there. */
export function ModelPage({ name }: { name: string }) {
  const loaded = useLive((state) => state.loaded);
  const model = useLive((state) => state.models).find((candidate) => candidate.name === name);
  if (!loaded) return <LoadingPage />;
  if (model === undefined) {
    return (
      <div className="flex flex-col gap-4">
        <Breadcrumb href="/models">Models</Breadcrumb>
        <PageHeading title={name} />
        <Notice title="There is no model of this name.">
          It may have been deleted, or the address is mistyped.{' '}
          <Link href="/models" className="font-medium text-ink underline underline-offset-4">
            See those that are here
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
