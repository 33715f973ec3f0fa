'use client';
import type { ReactNode } from 'react';
import { deploymentStatus } from '../control/deployment-status.ts';
import { useLive } from '../live-connection/live-queries.ts';
import { Notice } from '../ui/notice.tsx';
import { SeatProgress } from './seat-progress.tsx';

/** The progress and the result of a deployment that was started on this page. */
export function DeploymentNote({
  name,
  children,
}: {
  name: string;
  /** The way to the deployment, once it is ready. */
  children: ReactNode;
}) {
  const deployment = useLive('deployments').find((candidate) => candidate.name === name);
  if (deployment === undefined) return null;
  const { busy, sentence } = deploymentStatus(deployment);
  if (busy) return <SeatProgress deployment={deployment} />;
  if (deployment.state === 'failed') {
    return (
      <Notice tone="danger" title={`${name} failed.`}>
        {sentence}
      </Notice>
    );
  }
  return (
    <Notice title={`${name} is deployed.`}>
      <p>{sentence}</p>
      {children}
    </Notice>
  );
}
