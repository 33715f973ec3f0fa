'use client';
import type { ApiError, DeploymentView } from '@sparewheel/protocol';
import { useAnswer } from '../live-connection/use-answer.ts';
import type { RequestTrace } from './waterfall-view.ts';

const EVERY_MS = 2_000;
/** Enough for a mean, and few enough that the data plane does not feel it. */
const LIMIT = 32;
const NONE: readonly RequestTrace[] = [];

/** How the last requests of a deployment went, newest first, asked for while somebody looks. */
export function useTraces(deployment: DeploymentView | null): {
  traces: readonly RequestTrace[];
  problem: ApiError | null;
} {
  const serves = deployment !== null && !['preparing', 'failed'].includes(deployment.state);
  const path = serves
    ? `/api/deployments/${encodeURIComponent(deployment.name)}/traces?limit=${LIMIT}`
    : null;
  const { answer, problem } = useAnswer<readonly RequestTrace[]>(path, EVERY_MS);
  return { traces: answer ?? NONE, problem };
}
