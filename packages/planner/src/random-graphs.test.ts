import { describe, expect, it } from 'vitest';
import { PlanRefusedError } from './errors.ts';
import type { Plan, PlanOptions, SplitChoice, Strategy } from './plan.ts';
import { createPlan } from './planner.ts';
import type { ModelProfile } from './profile.ts';
import { relativeError } from './testing/public-graphs.ts';
import { randomGraph } from './testing/random-graph.ts';
import { RandomChoices } from './testing/random-graph-builder.ts';
import { prepareModel } from './testing/run-plans.ts';

/** To test more graphs: `RANDOM_GRAPHS=900 npx vitest run packages/planner/src/random-graphs.test.ts`. */
const FIRST = Number(process.env.FIRST_RANDOM_GRAPH ?? 1);
const GRAPHS = Number(process.env.RANDOM_GRAPHS ?? 40);
const STRATEGIES: readonly Strategy[] = ['coded', 'coded', 'paper', 'replicated', 'uncoded'];

describe('a random graph gives the undivided result, healthy and with each device dead:', () => {
  it.each(Array.from({ length: GRAPHS }, (_, i) => FIRST + i))('seed %i', async (seed) => {
    const draw = new RandomChoices(seed);
    const { model, feeds } = randomGraph(seed, draw.from(3, 14));
    const strategy = draw.pick(STRATEGIES);
    const [k, r] = [draw.from(2, 4), strategy === 'uncoded' ? 0 : draw.from(1, 2)];
    const splits = draw.pick<SplitChoice>(['auto', 'weights', 'inputs']);
    const prepared = await prepareModel(model);
    const expected = await prepared.expected(feeds);
    const plan = planOrWeights(prepared.profile, { k, r, strategy, layers: 'all', splits });
    const seats = plan.seats.map(({ seat }) => seat);
    const deadSets = [[], ...(strategy === 'uncoded' ? [] : seats.map((seat) => [seat]))];
    for (const [i, outputs] of (await prepared.run(plan, feeds, deadSets)).entries()) {
      for (const { name } of model.graph.outputs) {
        const where = `seed ${seed}, ${strategy} ${k} + ${r}, ${splits}, dead [${deadSets[i]}], ${name}`;
        expect(outputs[name]!.dims, where).toEqual(expected[name]!.dims);
        expect(relativeError(outputs[name]!, expected[name]!), where).toBeLessThan(1e-4);
      }
    }
    prepared.release();
  });
});

/** Some graphs have no layer whose input can be divided. */
function planOrWeights(profile: ModelProfile, options: PlanOptions): Plan {
  try {
    return createPlan(profile, options);
  } catch (error) {
    if (!(error instanceof PlanRefusedError) || options.splits !== 'inputs') throw error;
    return createPlan(profile, { ...options, splits: 'weights' });
  }
}
