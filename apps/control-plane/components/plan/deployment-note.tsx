'use client';
import Link from 'next/link';
import { deploymentStatus } from '../control/deployment-status.ts';
import { SeatProgress } from '../deploy/seat-progress.tsx';
import { useLive } from '../live-connection/live-provider.tsx';
import { Notice } from '../ui/notice.tsx';

/** What became of the deployment that was started here. */
export function DeploymentNote({ name }: { name: string }) {
  const deployment = useLive((state) => state.deployments).find((candidate) => candidate.name === name);
  if (deployment === undefined) return null;
  const status = deploymentStatus(deployment);
  if (status.busy) return <SeatProgress deployment={deployment} />;
  if (deployment.state === 'failed') {
    return (
      <Notice tone="danger" title={`${name} failed.`}>
        {status.sentence}
      </Notice>
    );
  }
  return (
    <Notice title={`${name} serves.`}>
      {status.sentence}{' '}
      <Link
        href={`/?deployment=${encodeURIComponent(name)}`}
        className="font-medium text-ink underline underline-offset-4"
      >
        Watch {name}
      </Link>
    </Notice>
  );
}
