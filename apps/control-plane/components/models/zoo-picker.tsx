'use client';
import type { ModelView, ZooModelView } from '@sparewheel/protocol';
import { useMutation } from '@tanstack/react-query';
import { useRouter } from 'next/navigation';
import { useZooDeployment } from '../inputs/use-zoo-deployment.ts';
import { askApi } from '../live-connection/api-client.ts';
import { useApi, useLive } from '../live-connection/live-queries.ts';
import { ErrorNotice } from '../shell/errors.tsx';
import { Badge } from '../ui/badge.tsx';
import { Button } from '../ui/button.tsx';
import { Card } from '../ui/card.tsx';
import { formatMagnitude } from '../ui/format.ts';

/** Adds a network of the zoo, or deploys it with one click. */
export function ZooPicker() {
  const { data: networks = [], error, refetch } = useApi<readonly ZooModelView[]>('/api/zoo');
  const taken = useLive('models', (models) => models.map(({ name }) => name));
  const router = useRouter();
  const add = useMutation({
    // The server answers with the same model if it exists, and refuses if another one has the name.
    mutationFn: (network: string) => askApi<ModelView>('POST', `/api/zoo/${encodeURIComponent(network)}`),
    onSuccess: ({ name }) => router.push(`/models/${encodeURIComponent(name)}`),
  });

  const deploy = useZooDeployment((name) => router.push(`/?deployment=${encodeURIComponent(name)}`));
  const busy = add.isPending || add.isSuccess || deploy.pending !== null;

  return (
    <Card title="Zoo" hint="networks that come with Sparewheel">
      {error && (
        <div className="border-t p-4">
          <ErrorNotice error={error} onRetry={() => void refetch()} />
        </div>
      )}
      {add.error && (
        <div className="border-t p-4">
          <ErrorNotice error={add.error} />
        </div>
      )}
      <ul
        aria-label="Networks of the zoo"
        className="grid gap-px overflow-hidden rounded-b-xl border-t bg-line xl:grid-cols-2"
      >
        {networks.map((network) => (
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
              <Origin origin={network.origin} />
            </div>
            <div className="flex gap-2">
              <Button
                size="small"
                variant="quiet"
                disabled={busy}
                aria-label={`${taken.includes(network.name) ? 'Open' : 'Add'} ${network.title}`}
                title={taken.includes(network.name) ? 'Already added. Opens the model.' : undefined}
                onClick={() => add.mutate(network.name)}
              >
                {taken.includes(network.name)
                  ? 'Open'
                  : add.isPending && add.variables === network.name
                    ? 'Adding…'
                    : 'Add'}
              </Button>
              {network.trained && (
                <Button
                  size="small"
                  disabled={busy}
                  aria-label={`Deploy ${network.title}`}
                  onClick={() => deploy.show(network.name)}
                >
                  {deploy.pending === network.name ? 'Deploying…' : 'Deploy'}
                </Button>
              )}
            </div>
          </li>
        ))}
      </ul>
    </Card>
  );
}

/** The author, the license and the npm package of a trained network. */
function Origin({ origin }: Pick<ZooModelView, 'origin'>) {
  if (origin === null) return null;
  return (
    <p className="text-xs text-ink-soft">
      {origin.url === null ? (
        origin.author
      ) : (
        <a href={origin.url} rel="noreferrer" target="_blank" className="underline underline-offset-4">
          {origin.author}
        </a>
      )}
      {` · ${origin.license}`}
      {origin.package !== null && ` · npm ${origin.package}`}
    </p>
  );
}
