import type { CoordinatorOptions, DeployRequest, Policy } from '@sparewheel/coordinator';
import { createPlan, type Plan, PlanRefusedError, type Strategy } from '@sparewheel/planner';
import { LIMITS } from '@sparewheel/protocol';
import type { Random } from '@sparewheel/runtime/random';
import { SyntheticModel } from './synthetic-model.ts';
import type { DeviceTraits } from './virtual-device.ts';

/** A deployment as first created. A redeployment draws another plan for the same inputs and outputs. */
export interface DeploymentScenario {
  readonly name: string;
  readonly width: number;
  readonly model: SyntheticModel;
  readonly plan: Plan;
  readonly policy: Policy;
}

/** A model with long steps, beside a model with short ones on the same devices. Only clear faults occur. */
export interface HeavyScenario {
  readonly name: string;
  readonly model: SyntheticModel;
  readonly computeMs: DeviceTraits['computeMs'];
  /** Whether the plan predicts the time of the steps, with a plausible error. */
  readonly predicted: boolean;
}

export type FaultLevel =
  /** At no time are more devices out than every group can repair: no request may be delayed. */
  | 'repairable'
  /** Any fault at any time. */
  | 'anything';

/** Everything that a seed decides before the simulation starts. */
export interface Scenario {
  readonly seed: number;
  readonly deployments: readonly DeploymentScenario[];
  /** A mirror of the first deployment, or null. */
  readonly mirror: DeploymentScenario | null;
  readonly devices: readonly DeviceTraits[];
  readonly level: FaultLevel;
  /** The duration of the faults. */
  readonly stormMs: number;
  /** Mean interval between faults, and between requests. */
  readonly faultEveryMs: number;
  readonly requestEveryMs: number;
  readonly engineMs: number;
  readonly options: Partial<CoordinatorOptions>;
  /** Every link duplicates and reorders messages. No promise makes an exception for that. */
  readonly duplicateProbability: number;
  readonly reorder: boolean;
  readonly corrupters: boolean;
  /** The second deployment, if its steps take longer than the shortest silence timeout. */
  readonly heavy: HeavyScenario | null;
  /** Some devices that die stay dead. */
  readonly losses: boolean;
  readonly restarts: boolean;
  readonly redeploys: boolean;
}

/** The maximum of healthy links and devices. Above it, the coordinator would take healthy devices for faulty ones. */
export const MOST_DELAY_MS = 8;
export const MOST_COMPUTE_MS = 2;

/** The name of the mirror. */
export const MIRROR = 'net-mirror';
/** The name of its original. */
export const MIRRORED = 'net';

export function drawScenario(seed: number, random: Random): Scenario {
  const light = drawLightScenario(seed, random);
  const scenario = random.chance(0.12)
    ? withHeavyModel(light, random)
    : random.chance(0.15)
      ? withLiesAfterAnswers(light, random)
      : light;
  const deployments = scenario.deployments.map((deployment) => {
    const policy: Policy = { ...deployment.policy, batch: random.pick([undefined, undefined, false]) };
    return { ...deployment, policy };
  });
  return { ...scenario, deployments };
}

function drawLightScenario(seed: number, random: Random): Scenario {
  const count = random.chance(0.25) ? 2 : 1;
  const corrupters = random.chance(0.4);
  const deployments = Array.from({ length: count }, (_, index) => drawDeployment(index, corrupters, random));
  const seats = Math.max(...deployments.map(({ plan }) => plan.seats.length));
  const standbys = random.pick([0, 1, 1, 2]);
  const stormMs = random.between(4_000, 14_000);
  const mirror = random.chance(0.4)
    ? drawMirror(deployments[0]!, seats + standbys, corrupters, random)
    : null;
  return {
    seed,
    deployments,
    mirror,
    devices: Array.from({ length: seats + standbys }, () => drawTraits(random)),
    level: random.pick(['repairable', 'anything']),
    stormMs,
    faultEveryMs: random.between(250, 1_500),
    requestEveryMs: stormMs / random.whole(40, 90),
    engineMs: random.between(0.1, 0.6),
    options: {
      // With wrong answers, a high limit: a surplus answer that is given up would excuse a missed one.
      inFlightPerDevice: corrupters ? 16 : random.pick([6, 8, 16]),
      requestsInFlight: random.pick([6, 12, 64]),
      requestsQueued: random.pick([4, 16, 256]),
      takeoverAfterMs: random.pick([500, 1_500]),
      takeoverSilentAfterMs: random.pick([1_500, 5_000]),
      returnGraceMs: random.pick([3_000, 4_000]),
      tracesKept: random.pick([0, 8, 64]),
    },
    duplicateProbability: random.pick([0, 0, 0.02, 0.2]),
    reorder: random.chance(0.25),
    corrupters,
    heavy: null,
    losses: random.chance(0.5),
    restarts: random.chance(0.4),
    redeploys: random.chance(0.5),
  };
}

/** Adds a model whose steps take more than a second. Requests for it are sent one after the other. */
function withHeavyModel(scenario: Scenario, random: Random): Scenario {
  const [light] = scenario.deployments;
  const name = `${MIRRORED}-2`;
  const width = random.whole(5, 8);
  let model: SyntheticModel;
  let plan: Plan;
  do {
    model = drawModel(2, width, random);
    const [k, r] = [random.whole(2, 3), random.whole(1, 2)];
    plan = createPlan(model.profile, { k, r, strategy: 'coded', layers: 'all' });
  } while (plan.seats.length === 0);
  const predicted = random.chance(0.6);
  const predictedMs = predicted ? random.between(1_000, 1_800) : random.between(5, 100);
  const answerMs = Object.fromEntries(plan.steps.map(({ id }) => [id, predictedMs]));
  const predictions = { device: null, dataPlane: null, plan: { ms: predictedMs, megabytes: 0, answerMs } };
  const policy: Policy = { waitMs: 'any-k', verify: 'after', deadlineMs: 20_000 };
  const missing = plan.seats.length - scenario.devices.length;
  return {
    ...scenario,
    deployments: [
      { ...light!, policy },
      { name, width, model, plan: { ...plan, predictions }, policy },
    ],
    mirror: null,
    devices: [...scenario.devices, ...Array.from({ length: Math.max(0, missing) }, () => drawTraits(random))],
    level: 'repairable',
    requestEveryMs: Math.max(scenario.requestEveryMs, 250),
    options: { ...scenario.options, inFlightPerDevice: 16, requestsInFlight: 64, requestsQueued: 256 },
    // Without order, a long computation gets ahead of one that was sent before it. No promise holds then.
    reorder: false,
    heavy: { name, model, computeMs: [1_200, 1_500], predicted },
    corrupters: false,
    restarts: false,
    redeploys: false,
  };
}

/**
 * Draws the conditions under which every wrong answer must be reported after it was given: coded steps with a surplus
 * answer, the policy that waits for no surplus, and few requests at a time.
 */
function withLiesAfterAnswers(scenario: Scenario, random: Random): Scenario {
  const width = random.whole(5, 8);
  const model = drawModel(1, width, random);
  const isWatched = ({ steps }: Plan) =>
    steps.every((step) => step.kind === 'local' || (step.kind === 'coded' && step.parityShards > 0));
  let plan: Plan;
  do plan = drawPlan(model, random);
  while (!isWatched(plan));
  const policy: Policy = { waitMs: 'any-k', verify: 'after', deadlineMs: 20_000 };
  const missing = plan.seats.length - scenario.devices.length;
  return {
    ...scenario,
    deployments: [{ name: MIRRORED, width, model, plan, policy }],
    mirror: null,
    devices: [...scenario.devices, ...Array.from({ length: Math.max(0, missing) }, () => drawTraits(random))],
    level: 'anything',
    faultEveryMs: Math.min(scenario.faultEveryMs, 500),
    requestEveryMs: Math.max(scenario.requestEveryMs, 150),
    options: { ...scenario.options, inFlightPerDevice: 16 },
    corrupters: true,
    restarts: false,
    redeploys: false,
  };
}

function drawDeployment(index: number, corrupters: boolean, random: Random): DeploymentScenario {
  const width = random.whole(5, 8);
  const model = drawModel(index + 1, width, random);
  return {
    name: index === 0 ? MIRRORED : `net-${index + 1}`,
    width,
    model,
    plan: drawPlan(model, random),
    policy: drawPolicy(random, corrupters),
  };
}

/** Draws a plan and a policy for a mirror on at most `devices` devices. */
function drawMirror(
  { width, model }: DeploymentScenario,
  devices: number,
  corrupters: boolean,
  random: Random,
): DeploymentScenario | null {
  const plan = drawPlan(model, random);
  if (plan.seats.length > devices) return null;
  return { name: MIRROR, width, model, plan, policy: drawPolicy(random, corrupters) };
}

/** @param id  a new id in this simulation */
export function drawModel(id: number, width: number, random: Random): SyntheticModel {
  return new SyntheticModel(id, width, random.whole(1, 3), random);
}

/** Draws a strategy, k and r that the model allows, and creates a plan with the real planner. */
export function drawPlan(model: SyntheticModel, random: Random): Plan {
  for (;;) {
    const strategy: Strategy = random.pick([
      'coded',
      'coded',
      'coded',
      'paper',
      'paper',
      'replicated',
      'uncoded',
    ]);
    const k =
      strategy === 'paper'
        ? random.whole(1, 3)
        : strategy === 'replicated'
          ? random.whole(1, 2)
          : random.whole(1, 5);
    const r = random.pick([1, 1, 1, 2, 2]);
    try {
      // By default the strategy "paper" divides weights only.
      const inputs = strategy === 'paper' && random.chance(0.3);
      const grouped = strategy === 'coded' || strategy === 'uncoded';
      const splits = grouped
        ? random.pick(['tiles', 'tiles', 'slices', 'auto'] as const)
        : inputs
          ? 'inputs'
          : 'auto';
      const plan = createPlan(model.profile, { k, r, strategy, layers: 'all', splits });
      if (plan.seats.length > 0 && plan.seats.length <= 14) return plan;
    } catch (error) {
      if (!(error instanceof PlanRefusedError)) throw error;
    }
  }
}

export function drawPolicy(random: Random, corrupters: boolean): Policy {
  return {
    waitMs: random.pick(['any-k', 'any-k', 'any-k', 'any-k', 'adaptive', 10, 'all']),
    verify: random.pick(
      corrupters ? ['before', 'before', 'after', 'after', 'off'] : ['before', 'after', 'after', 'off'],
    ),
    deadlineMs: random.pick([3_000, 10_000, 20_000]),
    rescue: random.pick([undefined, undefined, undefined, 'data-plane', 'devices', 'devices', 'off']),
    detectMs: random.pick([undefined, undefined, null, 500, 2_000]),
  };
}

export function drawTraits(random: Random): DeviceTraits {
  const from = random.between(0.2, 1);
  return {
    network: { floorMs: random.between(0.2, 2), meanTailMs: random.between(0.1, 1.5), mostMs: MOST_DELAY_MS },
    computeMs: [from, random.between(from, MOST_COMPUTE_MS)],
    answersAfterReconnect: random.chance(0.15),
  };
}

export function deployRequest(
  name: string,
  model: SyntheticModel,
  plan: Plan,
  policy: Policy,
  seats: DeployRequest['seats'],
): DeployRequest {
  return { name, plan, artifacts: model.artifactsFor(plan), policy, seats };
}

/**
 * Returns the time within which a standby device must fill an empty seat: the longest grace period, the delay before a
 * failed install is retried, and an install over a slow link.
 */
export function takeoverBoundMs({ options }: Scenario, { detectMs }: Policy): number {
  const { takeoverAfterMs, takeoverSilentAfterMs, returnGraceMs } = options;
  return Math.max(takeoverAfterMs!, takeoverSilentAfterMs!, returnGraceMs!, detectMs ?? 0) + 5_000;
}

/** Returns how many computations a healthy device may have in flight. */
export function mostInFlight({ options, mirror }: Scenario): number {
  return options.inFlightPerDevice! + (mirror === null ? 0 : LIMITS.mirroredPerDevice);
}

/**
 * Returns the longest time of a step whose devices are healthy: both directions of the link and a full queue, three
 * times, because the step may wait for room behind others that also wait.
 */
export function stepBoundMs(inFlightPerDevice: number): number {
  return 3 * (2 * MOST_DELAY_MS + inFlightPerDevice * MOST_COMPUTE_MS);
}
