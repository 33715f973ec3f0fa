'use client';
import { ApiError } from '@sparewheel/protocol';
import { skipToken, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { askApi } from '../live-connection/api-client.ts';
import type { ExplainedPlan } from './plan-drawing.ts';
import { incomplete, type PlanForm, planRequest } from './plan-form.ts';

/** Delay before a plan is requested: typing changes the choices faster than plans are worth computing. */
const SETTLE_MS = 250;

export interface Planning {
  /** The last plan. It stays while the next one is computed or fails. */
  readonly plan: ExplainedPlan | null;
  readonly error: Error | null;
  /** The shown plan does not yet match the choices. */
  readonly pending: boolean;
}

/**
 * Asks for the plan of the current choices.
 * @param fleet  any text that changes with the fleet: plans depend on the devices
 */
export function usePlan(model: string, form: PlanForm, fleet: string): Planning {
  const obstacle = incomplete(form);
  const request = obstacle === null ? planRequest(form, model) : null;
  const { data, error, isPending } = useQuery({
    queryKey: ['plan', request, fleet],
    queryFn:
      request === null
        ? skipToken
        : async ({ signal }) => {
            // The signal aborts when the choices change, so only settled choices are sent.
            await settle(signal);
            return askApi<ExplainedPlan>('POST', '/api/plans', request, signal);
          },
  });
  const [last, setLast] = useState<ExplainedPlan | null>(null);
  if (data !== undefined && data !== last) setLast(data);

  if (obstacle !== null)
    return { plan: last, error: new ApiError(0, 'incomplete', obstacle), pending: false };
  return { plan: data ?? last, error, pending: isPending };
}

function settle(signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, SETTLE_MS);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}
