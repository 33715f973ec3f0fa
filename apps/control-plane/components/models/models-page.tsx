'use client';
import { useRouter } from 'next/navigation';
import { useState } from 'react';
import { ModelDrop } from '../deploy/model-drop.tsx';
import { useModelUpload } from '../deploy/use-model-upload.ts';
import { useLive, useLoaded } from '../live-connection/live-queries.ts';
import { LoadingPage } from '../shell/loading-page.tsx';
import { PageHeading } from '../shell/page-heading.tsx';
import { Card } from '../ui/card.tsx';
import { Field, Input } from '../ui/field.tsx';
import { ModelList } from './model-list.tsx';
import { ZooPicker } from './zoo-picker.tsx';

/** The uploaded models, and the ways to add another one. */
export function ModelsPage() {
  const loaded = useLoaded();
  const models = useLive('models');
  const [dimensions, setDimensions] = useState('');
  const router = useRouter();
  const upload = useModelUpload(
    models.map(({ name }) => name),
    (model) => router.push(`/models/${encodeURIComponent(model.name)}`),
  );
  if (!loaded) return <LoadingPage />;

  return (
    <div className="flex flex-col gap-4">
      <PageHeading title="Models" hint="Open a model to see its layers, plan it and deploy it." />
      <div className="grid items-start gap-4 lg:grid-cols-[minmax(0,1fr)_24rem]">
        <div className="flex min-w-0 flex-col gap-4">
          <ModelList models={models} />
          <ZooPicker />
        </div>
        <div className="flex min-w-0 flex-col gap-4 max-lg:order-first">
          <Card title="Upload a model">
            <div className="flex flex-col gap-3 border-t p-4">
              <ModelDrop upload={upload} dimensions={dimensions.trim()} />
              <Field label="Sizes of free dimensions (optional)">
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
