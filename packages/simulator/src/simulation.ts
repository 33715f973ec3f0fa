import { Random } from '@sparewheel/runtime/random';
import type { Coverage } from './checker.ts';
import { Clients } from './clients.ts';
import type { Tampering } from './data-plane.ts';
import { checkLeaks, checkWhole } from './end-state.ts';
import { Nemesis } from './nemesis.ts';
import type { Violation } from './promises.ts';
import { drawScenario } from './scenario.ts';
import { Trace } from './trace.ts';
import { VirtualClock } from './virtual-clock.ts';
import { World } from './world.ts';

export interface SimulationResult {
  readonly seed: number;
  readonly violations: readonly Violation[];
  /** A hash of every step. It is the same in every run of a seed. */
  readonly hash: string;
  readonly coverage: Coverage;
  readonly events: number;
}

export interface SimulationOptions {
  readonly tampering?: Tampering;
  /** Receives every step as a line of text. */
  readonly print?: (line: string) => void;
}

/** Times after the storm: until every deployment must be ready, then until nothing may be left of any request. */
const HEALED_WITHIN_MS = 25_000;
const SETTLED_WITHIN_MS = 70_000;

/** Simulates one seed: deployment, storm of faults, healing, pause. */
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
    if (scenario.mirror !== null) world.deployMirror(scenario.mirror);
    await clock.runUntil(4_000);
    world.livenessChecker.start();
    clients.start(scenario.requestEveryMs);
    nemesis.start();
    await clock.runUntil(4_000 + scenario.stormMs);

    nemesis.end();
    const calmAt = clock.now();
    clients.stop();
    // Requests continue, because a silent device shows that it is back by answering one.
    const probes = new Clients(world, random.fork());
    for (let ms = 250; ms < HEALED_WITHIN_MS; ms += 500) clock.schedule(ms, () => probes.requestAny());
    await clock.runUntil(calmAt + HEALED_WITHIN_MS);
    checkWhole(world);
    world.livenessChecker.end();
    await clock.runUntil(clock.now() + SETTLED_WITHIN_MS);
    await checkLeaks(world, [...clients.pending, ...probes.pending].length);
  } catch (error) {
    checker.complain(
      'c: one answer or one error before the deadline',
      `the simulation threw: ${(error as Error).stack}`,
    );
  }
  return result();
}
