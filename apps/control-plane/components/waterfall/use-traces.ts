'use client';
import type { DeploymentView } from '@sparewheel/protocol';
import type { RequestTrace } from '../../src/view-model/waterfall.ts';
import { type Problem, useAnswer } from '../live-connection/use-answer.ts';

const EVERY_MS = 2_000;
/** Enough for a mean, and few enough that the data plane does not feel it. */
const LIMIT = 32;
const NONE: readonly RequestTrace[] = [];

/** How the last requests of a deployment went, newest first, asked for while somebody looks. */
export function useTraces(deployment: DeploymentView | null): {
  traces: readonly RequestTrace[];
  problem: Problem | null;
} {
  const serves = deployment !== null && !['preparing', 'failed'].includes(deployment.state);
  const path = serves
    ? `/api/deployments/${encodeURIComponent(deployment.name)}/traces?limit=${LIMIT}`
    : null;
  const { answer, problem } = useAnswer<readonly RequestTrace[]>(path, EVERY_MS);
  return { traces: answer ?? NONE, problem };
}
