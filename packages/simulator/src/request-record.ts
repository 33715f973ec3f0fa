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
  /** As it was when the request was made. */
  readonly policy: Policy;
  /** Whose answer is right: one model, or two during a rolling change. */
  readonly models: Set<SyntheticModel>;
  readonly plan: Plan;
  /** Under which it may begin: one that waits for a place begins under the plan that serves then. */
  readonly plans: Set<Plan>;
  readonly seats: CoordinatorSnapshot['deployments'][number]['seats'];
  /** The deployment had been able to answer before. */
  readonly everReady: boolean;
  /** It had to wait for a place. */
  readonly queued: boolean;
  readonly engineBusyMs: number;
  readonly engineBacklogMs: number;
  aborted: boolean;
}

export type RequestEnd =
  | { readonly kind: 'answered'; readonly inference: Inference }
  | { readonly kind: 'failed'; readonly error: Error & { readonly code?: string } };

/** Largest error that decoding may leave in an answer, whose right values are integers. */
export const ANSWER_TOLERANCE = 0.05;

export function answers(record: RequestRecord, inference: Inference): boolean {
  return [...record.models].some((model) => {
    const right = model.reference(record.input);
    const given = inference.fetches[model.profile.outputs[0]!.name];
    if (!given || given.data.length !== right.data.length) return false;
    if (given.dims.join() !== right.dims.join()) return false;
    // Negated, so that NaN is wrong.
    return !right.data.some(
      (value, i) => !(Math.abs(Number(value) - Number(given.data[i])) <= ANSWER_TOLERANCE),
    );
  });
}
