'use client';
import { useRouter } from 'next/navigation';
import { useState } from 'react';
import { ModelDrop } from '../deploy/model-drop.tsx';
import { useModelUpload } from '../deploy/use-model-upload.ts';
import { useLive } from '../live-connection/live-provider.tsx';
import { LoadingPage } from '../shell/loading-page.tsx';
import { PageHeading } from '../shell/page-heading.tsx';
import { Card } from '../ui/card.tsx';
import { Field, Input } from '../ui/field.tsx';
import { ModelList } from './model-list.tsx';
import { ZooPicker } from './zoo-picker.tsx';

/** The networks that are here, and the ways to bring another. */
export function ModelsPage() {
  const loaded = useLive((state) => state.loaded);
  const models = useLive((state) => state.models);
  const [dimensions, setDimensions] = useState('');
  const router = useRouter();
  const { upload, send } = useModelUpload(
    models.map(({ name }) => name),
    (model) => router.push(`/models/${encodeURIComponent(model.name)}`),
  );
  if (!loaded) return <LoadingPage />;

  return (
    <div className="flex flex-col gap-4">
      <PageHeading title="Models" hint="Open one to see its layers, plan it and deploy it." />
      <div className="grid items-start gap-4 lg:grid-cols-[minmax(0,1fr)_24rem]">
        <div className="flex min-w-0 flex-col gap-4">
          <ModelList models={models} />
          <ZooPicker />
        </div>
        <div className="flex min-w-0 flex-col gap-4 max-lg:order-first">
          <Card title="Bring a model">
            <div className="flex flex-col gap-3 border-t p-4">
              <ModelDrop upload={upload} onFile={(file) => void send(file, dimensions.trim())} />
              <Field label="Sizes of free dimensions, where it has any">
                {(ids) => (
                  <Input
                    {...ids}
                    placeholder="batch:1,sequence:16"
                    value={dimensions}
                    onChange={(event) => setDimensions(event.target.value)}
                  />
                )}
              </Field>
            </div>
          </Card>
        </div>
      </div>
    </div>
  );
}
