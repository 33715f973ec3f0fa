import type { DeploymentRequest, DeviceView, ModelView } from '@sparewheel/protocol';
import { advancedPolicy, detectProblem, FIRST_ADVANCED } from '../deploy/advanced-choices.ts';
import { type DeployForm, firstForm } from '../deploy/deploy-form-view.ts';

export type Strategy = DeploymentRequest['strategy'];
export type LayerChoice = 'auto' | 'all' | readonly string[];

/** The choices in the plan editor. */
export interface PlanForm extends Omit<DeployForm, 'layers'> {
  readonly strategy: Strategy;
  readonly layers: LayerChoice;
}

export interface StrategyChoice {
  readonly value: Strategy;
  readonly label: string;
  readonly description: string;
  /** The labels of k and r; null without an r. */
  readonly k: string;
  readonly r: string | null;
}

export const STRATEGIES: readonly StrategyChoice[] = [
  {
    value: 'coded',
    label: 'Coded',
    description:
      'Divides each chosen layer over k devices. r more devices hold parity. The data plane runs the rest.',
    k: 'k (data)',
    r: 'r (parity)',
  },
  {
    value: 'paper',
    label: 'Paper',
    description:
      'As in the paper: a pipeline of stages on devices. Chosen layers are coded; other stages have replicas.',
    k: 'k (data)',
    r: 'r (parity, replicas)',
  },
  {
    value: 'replicated',
    label: 'Replicated',
    description: 'A pipeline of k stages, each on one device and r replicas. No layer is coded.',
    k: 'k (stages)',
    r: 'r (replicas)',
  },
  {
    value: 'uncoded',
    label: 'Uncoded',
    description: 'Divides each chosen layer over k devices without redundancy, as a baseline.',
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

/** Says why the choices are incomplete; null if a plan can be requested. */
export function incomplete(form: PlanForm): string | null {
  const { k, r, layers } = form;
  if (!Number.isInteger(k) || k < 1 || k > 64) return 'Enter a whole number from 1 to 64 for k.';
  if (!Number.isInteger(r) || r < 0 || r > 16) return 'Enter a whole number from 0 to 16 for r.';
  if (typeof layers !== 'string' && layers.length === 0) return 'Choose at least one layer below.';
  return detectProblem(form);
}

/** Returns the body of `POST /api/plans`. With a name, it is the body of `POST /api/deployments`. */
export function planRequest(
  form: PlanForm,
  model: string,
): Omit<DeploymentRequest, 'name' | 'devices' | 'splits'> {
  const { k, r, strategy, layers, objective, waitMs } = form;
  return {
    model,
    k,
    // Uncoded has no parity. The field keeps its value for another strategy.
    r: strategy === 'uncoded' ? 0 : r,
    strategy,
    layers: typeof layers === 'string' ? layers : [...layers],
    objective,
    policy: { waitMs, ...advancedPolicy(form) },
  };
}

/**
 * Returns the layers after one was toggled. A rule becomes the list of the layers that it selected.
 * @param distributed  names of the distributed layers in the shown plan
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

/** Says which choices a plan that runs the model whole ignores, and how to see a distributed plan. */
export function wholeAdvice(
  { layers }: Pick<PlanForm, 'layers'>,
  model: Pick<ModelView, 'layers'>,
  { seats }: { readonly seats: readonly unknown[] },
): string {
  const unused =
    seats.length === 0
      ? 'The model runs whole, so k and r are not used.'
      : 'The model runs whole, so k is not used, and r is the number of replicas.';
  return isDistributable({ layers }, model)
    ? `${unused} To see a distributed plan, choose “All codable” under Layers.`
    : unused;
}

/** Returns whether the automatic choice of layers is the reason that nothing is distributed. */
export function isDistributable(
  { layers }: Pick<PlanForm, 'layers'>,
  model: Pick<ModelView, 'layers'>,
): boolean {
  return layers === 'auto' && model.layers.some(({ codable }) => codable);
}

/** The choices of the demo: every codable layer, and nothing is computed by the data plane. */
export const DISTRIBUTE_ANYWAY = { layers: 'all', ...FIRST_ADVANCED } as const;
