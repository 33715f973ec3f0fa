'use client';
import { ApiError } from '@sparewheel/protocol';
import { useEffect, useState } from 'react';
import { askApi, toApiError } from '../live-connection/api-client.ts';
import type { ExplainedPlan } from './plan-drawing.ts';
import { incomplete, type PlanForm, planRequest } from './plan-form.ts';

/** Typing and clicking go on faster than a plan is worth. */
const SETTLE_MS = 250;

export interface Planning {
  /** The last plan that there was; it stays while another is being made or cannot be made. */
  readonly plan: ExplainedPlan | null;
  readonly problem: ApiError | null;
  /** What is shown is not yet the answer to what is chosen. */
  readonly pending: boolean;
}

/**
 * Asks for the plan of what is chosen, as it is being chosen.
 * @param fleet  anything that changes when the fleet does: the planner looks at the devices at hand
 */
export function usePlan(model: string, form: PlanForm, fleet: string): Planning {
  const [planning, setPlanning] = useState<Planning>({ plan: null, problem: null, pending: true });
  const obstacle = incomplete(form);
  // As text, so that a choice that is the same is not asked for again.
  const request = obstacle === null ? JSON.stringify(planRequest(form, model)) : null;

  useEffect(() => {
    if (request === null) return;
    const abort = new AbortController();
    setPlanning((old) => ({ ...old, pending: true }));
    const timer = setTimeout(async () => {
      try {
        const plan = await askApi<ExplainedPlan>('POST', '/api/plans', JSON.parse(request), abort.signal);
        if (!abort.signal.aborted) setPlanning({ plan, problem: null, pending: false });
      } catch (error) {
        if (abort.signal.aborted) return;
        setPlanning((old) => ({ plan: old.plan, problem: toApiError(error), pending: false }));
      }
    }, SETTLE_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [request, fleet]);

  if (obstacle === null) return planning;
  return { plan: planning.plan, problem: new ApiError(0, 'incomplete', obstacle), pending: false };
}
