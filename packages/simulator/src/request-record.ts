import type { CoordinatorSnapshot, Inference, Policy } from '@sparewheel/coordinator';
import type { Plan } from '@sparewheel/planner';
import type { Tensor } from '@sparewheel/protocol';
import type { SyntheticModel } from './synthetic-model.ts';

/** One request as its client and the checker know it. */
export interface RequestRecord {
  readonly number: number;
  readonly deployment: string;
  readonly input: Tensor;
  readonly startedAt: number;
  readonly deadlineMs: number;
  /** The policy when the request was sent. */
  readonly policy: Policy;
  /** The models whose answer is right: two during a rolling change. */
  readonly models: Set<SyntheticModel>;
  readonly plan: Plan;
  /** The plans that may serve it. A queued request starts under the plan that serves at that time. */
  readonly plans: Set<Plan>;
  readonly seats: CoordinatorSnapshot['deployments'][number]['seats'];
  /** Whether the deployment had been ready before. */
  readonly everReady: boolean;
  /** Whether the request was queued. */
  readonly queued: boolean;
  readonly engineBusyMs: number;
  readonly engineBacklogMs: number;
  aborted: boolean;
}

export type RequestEnd =
  | { readonly kind: 'answered'; readonly inference: Inference }
  | { readonly kind: 'failed'; readonly error: Error & { readonly code?: string } };

/** The largest decoding error in an answer of float32. The right values are integers. Answers of int32 must be equal. */
export const ANSWER_TOLERANCE = 0.05;

/** Whether an answer is right for one of the request's models. */
export function answers(record: RequestRecord, inference: Inference): boolean {
  return [...record.models].some((model) => {
    const right = model.reference(record.input);
    const given = inference.fetches[model.profile.outputs[0]!.name];
    if (!given || given.data.length !== right.data.length) return false;
    if (given.type !== right.type) return false;
    const tolerance = right.type === 'int32' ? 0 : ANSWER_TOLERANCE;
    if (given.dims.join() !== right.dims.join()) return false;
    // The negation makes NaN wrong.
    return !right.data.some((value, i) => !(Math.abs(Number(value) - Number(given.data[i])) <= tolerance));
  });
}
