import { DEFAULT_COSTS, onDataPlane } from './costs/costs.ts';
import { explainPlan, type PlanExplanation } from './costs/explain.ts';
import { predictSteps, predictUndivided } from './costs/predict.ts';
import { PlanRefusedError } from './errors.ts';
import type { Plan, PlanOptions } from './plan.ts';
import type { ModelProfile } from './profile.ts';
import { requireExactRecovery } from './recovery-error.ts';
import { isGrouped, layOutWithinMemory, refuseForMemory } from './seats/seat-layout.ts';
import { assumeSpeeds, requireThreads, unifyMachineSpeeds } from './seats/seating.ts';
import { coverageOf } from './seats/seats.ts';
import { requireSendable } from './steps/message-size.ts';
import { divides, runWhole } from './steps/run-whole.ts';

/** A plan with its predicted costs and the devices for its seats. */
export interface Planned {
  readonly plan: Plan;
  /** Device ids by seat. Null if any device will do: the plan does not depend on speeds or memory sizes. */
  readonly seats: readonly (string | null)[];
  readonly explanation: PlanExplanation;
}

/**
 * Plans how a model runs: which layers are divided over devices, what is replicated, what stays on the data
 * plane.
 * @throws {PlanRefusedError} no plan with these options exists
 */
export function createPlan(profile: ModelProfile, options: PlanOptions): Plan {
  return planFleet(profile, options).plan;
}

/**
 * Creates a plan as `createPlan` does, with an explanation and the devices for the seats. Faster devices get
 * more rows if speeds differ; a device that is not measured counts as fast as the median of the others.
 *
 * Recurrent layers stay in one piece, or their matrices become layers of their own: the plan that is predicted to be
 * faster, or the latter with the layers "all".
 *
 * A model runs whole if no layer can be divided. With the layers "auto", it also runs whole if it is predicted to be
 * faster on the fastest single participant: a device, or the data plane if the objective is `latency`.
 * @throws {PlanRefusedError} no plan with these options exists
 */
export function planFleet(profile: ModelProfile, given: PlanOptions): Planned {
  const { separated } = profile;
  const { layers, strategy } = given;
  const known = (name: string) => profile.layers.some((layer) => layer.name === name);
  const named = typeof layers !== 'string';
  if (!separated || strategy === 'replicated' || (named && layers.every(known))) {
    return planForm(profile, given, profile);
  }
  if (named) return planForm(separated, given, profile);
  const whole = orRefusal(() => planForm(profile, given, profile));
  const parts = orRefusal(() => planForm(separated, given, profile));
  if (parts instanceof PlanRefusedError || parts.plan.runsWhole) return unlessRefused(whole);
  if (layers === 'all' || whole instanceof PlanRefusedError) return parts;
  return parts.plan.predictions!.plan.ms < whole.plan.predictions!.plan.ms ? parts : whole;
}

function orRefusal(plan: () => Planned): Planned | PlanRefusedError {
  try {
    return plan();
  } catch (error) {
    if (error instanceof PlanRefusedError) return error;
    throw error;
  }
}

function unlessRefused(result: Planned | PlanRefusedError): Planned {
  if (result instanceof PlanRefusedError) throw result;
  return result;
}

/**
 * Plans one form of a model.
 * @param original  the model with its recurrent layers in one piece, to predict it undivided
 */
function planForm(profile: ModelProfile, given: PlanOptions, original: ModelProfile): Planned {
  const r = given.strategy === 'uncoded' ? 0 : given.r;
  requireCounts(given.k, r);
  if (given.strategy !== 'replicated') requireExactRecovery(given.k, r);
  requireThreads(given.devices ?? []);
  const devices = given.devices && assumeSpeeds(unifyMachineSpeeds(given.devices, profile.speed?.served));
  const costs = onDataPlane(given.costs ?? DEFAULT_COSTS, profile.speed?.served);
  const options = { ...given, r, costs, ...(devices ? { devices } : {}) };
  const undivided = predictUndivided(original, devices, costs, options.dataPlaneMemoryBytes);
  const divided = layOutWithinMemory(profile, options);
  const mayRunWhole = isGrouped(options) || (options.strategy === 'paper' && !divides(divided.layout));
  const whole = mayRunWhole ? runWhole(profile, options, divided, undivided) : null;
  const chosen = whole ?? divided;
  const { shortage } = chosen;
  if (shortage) throw refuseForMemory(profile, options, { ...chosen, shortage });
  const { layout, summaries, seated, pinned } = chosen;
  requireSendable(profile, layout.steps);
  const plan: Plan = {
    version: 1,
    model: profile.model,
    strategy: options.strategy,
    objective: options.objective ?? 'latency',
    splits: options.splits ?? 'auto',
    k: options.k,
    r,
    inputs: profile.inputs,
    outputs: profile.outputs,
    ...(profile.sizeLimit ? { sizeLimit: profile.sizeLimit } : {}),
    steps: layout.steps,
    seats: summaries,
    decisions: layout.decisions,
    coverage: coverageOf(layout.steps),
    predictions: { ...undivided, plan: predictSteps(profile, layout.steps, seated, costs) },
    runsWhole: whole?.runsWhole ?? null,
    ...(profile === original ? {} : { separated: true as const }),
  };
  return {
    plan,
    seats: summaries.map(({ seat }) => (pinned ? (seated[seat]?.id ?? null) : null)),
    explanation: explainPlan(profile, plan, seated, costs, pinned),
  };
}

function requireCounts(k: number, r: number): void {
  if (!Number.isSafeInteger(k) || k < 1) {
    throw new PlanRefusedError(
      'BAD_COUNTS',
      `k is ${k}`,
      'choose an integer k ≥ 1: the number of data shards',
    );
  }
  if (!Number.isSafeInteger(r) || r < 0) {
    throw new PlanRefusedError(
      'BAD_COUNTS',
      `r is ${r}`,
      'choose an integer r ≥ 0: the number of parity shards',
    );
  }
}
