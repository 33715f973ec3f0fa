'use client';
import type { ModelView } from '@sparewheel/protocol';
import { useRouter } from 'next/navigation';
import { useState } from 'react';
import { useRequest } from '../control/use-request.ts';
import { freeName } from '../deploy/deploy-form-view.ts';
import { askApi } from '../live-connection/api-client.ts';
import { useLive } from '../live-connection/live-provider.tsx';
import { useAnswer } from '../live-connection/use-answer.ts';
import { Badge } from '../ui/badge.tsx';
import { Button } from '../ui/button.tsx';
import { Card } from '../ui/card.tsx';
import { formatMagnitude } from '../ui/format.ts';
import { Notice } from '../ui/notice.tsx';
import { readZoo } from './zoo-choices.ts';

/** The networks that ship. Not drawn where the control plane has none. */
export function ZooPicker() {
  const { answer, problem } = useAnswer<unknown>('/api/zoo');
  const taken = useLive((state) => state.models).map(({ name }) => name);
  const [making, setMaking] = useState<string | null>(null);
  const { problem: refused, run } = useRequest();
  const router = useRouter();
  if (problem?.status === 404) return null;

  async function take(zooName: string) {
    const name = freeName(zooName, taken);
    setMaking(zooName);
    const path = `/api/zoo/${encodeURIComponent(zooName)}?name=${encodeURIComponent(name)}`;
    const done = await run(async () => {
      const model = await askApi<ModelView>('POST', path);
      router.push(`/models/${encodeURIComponent(model.name)}`);
    });
    if (!done) setMaking(null);
  }

  return (
    <Card title="Zoo" hint="networks that ship with Sparewheel">
      {problem && (
        <div className="border-t p-4">
          <Notice tone="danger" title={problem.message}>
            {problem.hint}
          </Notice>
        </div>
      )}
      {refused && (
        <div className="border-t p-4">
          <Notice tone="danger">{refused}</Notice>
        </div>
      )}
      <ul
        aria-label="Networks of the zoo"
        className="grid gap-px overflow-hidden rounded-b-xl border-t bg-line xl:grid-cols-2"
      >
        {readZoo(answer).map((network) => (
          <li
            key={network.name}
            data-testid={`zoo-${network.name}`}
            className="grid grid-cols-[minmax(0,1fr)_auto] items-start gap-x-3 bg-surface px-4 py-2.5 xl:last:odd:col-span-2"
          >
            <div className="min-w-0">
              <p className="flex flex-wrap items-center gap-x-2 font-medium">
                {network.title}
                {network.trained && <Badge className="bg-ok-wash text-ok-ink">trained</Badge>}
              </p>
              <p className="text-xs text-ink-faint">
                {network.parameters === null ? '' : `${formatMagnitude(network.parameters)} parameters. `}
                {network.description}
              </p>
            </div>
            <Button
              size="small"
              disabled={making !== null}
              aria-label={`Add ${network.title}`}
              onClick={() => void take(network.name)}
            >
              {making === network.name ? 'Adding…' : 'Add'}
            </Button>
          </li>
        ))}
      </ul>
    </Card>
  );
}
