import type { Coverage } from './checker.ts';
import { Clients } from './clients.ts';
import type { Tampering } from './data-plane.ts';
import { checkLeaks, checkWhole } from './end-state.ts';
import { Nemesis } from './nemesis.ts';
import type { Violation } from './promises.ts';
import { Random } from './random.ts';
import { drawScenario } from './scenario.ts';
import { Trace } from './trace.ts';
import { VirtualClock } from './virtual-clock.ts';
import { World } from './world.ts';

export interface SimulationResult {
  readonly seed: number;
  readonly violations: readonly Violation[];
  /** Of everything that happened: two runs of one seed have the same. */
  readonly hash: string;
  readonly coverage: Coverage;
  readonly events: number;
}

export interface SimulationOptions {
  readonly tampering?: Tampering;
  /** Every step as a line of text. */
  readonly print?: (line: string) => void;
}

/** After the storm: until every deployment has to be whole again, and until nothing may be left of any request. */
const HEALED_WITHIN_MS = 25_000;
const SETTLED_WITHIN_MS = 70_000;

/** One seed from beginning to end: set up, storm, healing, silence. */
export async function simulate(seed: number, options: SimulationOptions = {}): Promise<SimulationResult> {
  const random = new Random(seed);
  const scenario = drawScenario(seed, random.fork());
  const clock = new VirtualClock();
  const trace = new Trace(() => clock.now(), options.print ?? null);
  const world = new World(scenario, clock, trace, options.tampering ?? {}, random.fork());
  const clients = new Clients(world, random.fork());
  const nemesis = new Nemesis(world, clients, random.fork());
  const { checker } = world;
  const result = (): SimulationResult => ({
    seed,
    violations: checker.violations,
    hash: trace.hash,
    coverage: checker.coverage,
    events: clock.fired,
  });
  try {
    world.startPlane();
    for (const deployment of scenario.deployments) world.deployScenario(deployment);
    await clock.runUntil(4_000);
    world.livenessChecker.start();
    clients.start(scenario.requestEveryMs);
    nemesis.start();
    await clock.runUntil(4_000 + scenario.stormMs);

    nemesis.end();
    const calmAt = clock.now();
    clients.stop();
    // Requests go on: a device that fell silent shows that it is back by answering one.
    const probes = new Clients(world, random.fork());
    for (let ms = 250; ms < HEALED_WITHIN_MS; ms += 500) clock.schedule(ms, () => probes.requestAny());
    await clock.runUntil(calmAt + HEALED_WITHIN_MS);
    checkWhole(world);
    world.livenessChecker.end();
    await clock.runUntil(clock.now() + SETTLED_WITHIN_MS);
    await checkLeaks(world, [...clients.pending, ...probes.pending].length);
  } catch (error) {
    checker.complain('c: one answer or one error before the deadline', `it broke: ${(error as Error).stack}`);
  }
  return result();
}
