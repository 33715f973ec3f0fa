'use client';
import type { DeploymentView } from '@sparewheel/protocol';
import { useEffect } from 'react';
import { useApi } from '../live-connection/live-queries.ts';
import type { RequestTrace } from './waterfall-view.ts';

const EVERY_MS = 2_000;
/** All that the data plane keeps. One in eight is sampled, and a mean needs several of those. */
const LIMIT = 64;
const NONE: readonly RequestTrace[] = [];

/**
 * Returns traces of the last requests of a deployment, newest first. Asks again while they are on the screen: copying
 * them takes the data plane's thread 5 ms, in which every request in flight waits.
 */
export function useTraces(
  deployment: DeploymentView | null,
  onScreen: boolean,
): {
  traces: readonly RequestTrace[];
  error: Error | null;
} {
  const serves = deployment !== null && !['preparing', 'failed'].includes(deployment.state);
  const path = serves
    ? `/api/deployments/${encodeURIComponent(deployment.name)}/traces?limit=${LIMIT}`
    : null;
  const {
    data: traces = NONE,
    error,
    refetch,
  } = useApi<readonly RequestTrace[]>(path, onScreen ? EVERY_MS : false);
  useEffect(() => {
    if (onScreen && path !== null) void refetch();
  }, [onScreen, path, refetch]);
  return { traces, error };
}
