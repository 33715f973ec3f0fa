import type { DeploymentRequest, DeviceView, ModelView } from '@sparewheel/protocol';
import { type DeployForm, firstForm } from '../deploy/deploy-form-view.ts';

export type Strategy = DeploymentRequest['strategy'];
export type LayerChoice = 'auto' | 'all' | readonly string[];

/** What a person has chosen in the plan editor. */
export interface PlanForm extends Omit<DeployForm, 'layers'> {
  readonly strategy: Strategy;
  readonly layers: LayerChoice;
}

export interface StrategyChoice {
  readonly value: Strategy;
  readonly label: string;
  readonly says: string;
  /** What k and r count there. */
  readonly k: string;
  readonly r: string | null;
}

export const STRATEGIES: readonly StrategyChoice[] = [
  {
    value: 'coded',
    label: 'Coded',
    says: 'Each chosen layer is divided over k devices; r more hold sums of the parts. The rest runs on the data plane.',
    k: 'k (data)',
    r: 'r (parity)',
  },
  {
    value: 'paper',
    label: 'Paper',
    says: 'As in the paper: stages on devices in a pipeline, chosen layers coded, every other stage with replicas.',
    k: 'k (data)',
    r: 'r (parity, replicas)',
  },
  {
    value: 'replicated',
    label: 'Replicated',
    says: 'Cut into k stages in a pipeline, each on one device and r replicas. Nothing is coded.',
    k: 'k (stages)',
    r: 'r (replicas)',
  },
  {
    value: 'uncoded',
    label: 'Uncoded',
    says: 'Each chosen layer is divided over k devices with nothing to spare: the baseline to compare with.',
    k: 'k (data)',
    r: null,
  },
];

export function strategyChoice(strategy: Strategy): StrategyChoice {
  return STRATEGIES.find(({ value }) => value === strategy) ?? STRATEGIES[0]!;
}

export function firstPlanForm(
  model: ModelView,
  devices: readonly DeviceView[],
  taken: readonly string[],
): PlanForm {
  return { ...firstForm(model, devices, taken), strategy: 'coded' };
}

/** What stands in the way of asking for a plan at all; null where the planner can be asked. */
export function incomplete({ k, r, layers }: PlanForm): string | null {
  if (!Number.isInteger(k) || k < 1 || k > 64) return 'k is a whole number from 1 to 64.';
  if (!Number.isInteger(r) || r < 0 || r > 16) return 'r is a whole number from 0 to 16.';
  if (typeof layers !== 'string' && layers.length === 0)
    return 'No layer is chosen: choose at least one below.';
  return null;
}

/** The body of `POST /api/plans`, and with a name that of `POST /api/deployments`. */
export function planRequest(form: PlanForm, model: string): Omit<DeploymentRequest, 'name' | 'devices'> {
  const { k, r, strategy, layers, waitMs } = form;
  return {
    model,
    k,
    // No parity is what uncoded means; what the field says stays for when the strategy changes back.
    r: strategy === 'uncoded' ? 0 : r,
    strategy,
    layers: typeof layers === 'string' ? layers : [...layers],
    policy: { waitMs, verify: 'after', deadlineMs: 10_000 },
  };
}

/**
 * The choice after one layer was switched: what was a rule becomes the list of names that the rule gave.
 * @param distributed  names of the layers that the plan which is shown distributes
 */
export function toggleLayer(
  { layers }: PlanForm,
  model: ModelView,
  distributed: ReadonlySet<string>,
  layer: string,
): readonly string[] {
  const chosen = new Set(typeof layers === 'string' ? distributed : layers);
  if (!chosen.delete(layer)) chosen.add(layer);
  return model.layers.filter(({ name }) => chosen.has(name)).map(({ name }) => name);
}
