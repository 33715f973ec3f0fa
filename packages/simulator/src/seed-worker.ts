import type { SeedRange } from './campaign.ts';
import { type SimulationResult, simulate } from './simulation.ts';

/** A worker process of a campaign: receives seeds, runs them, and sends the results back. */
process.on('message', async ({ first, count }: SeedRange) => {
  const results: SimulationResult[] = [];
  for (let seed = first; seed < first + count; seed++) results.push(await simulate(seed));
  // The parent may have exited; its closed channel is not an error.
  process.send!(results, undefined, undefined, (error) => {
    if (error) process.exit();
  });
});
process.on('disconnect', () => process.exit());
