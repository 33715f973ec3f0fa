import type { SeedRange } from './campaign.ts';
import { type SimulationResult, simulate } from './simulation.ts';

/** A process of a campaign: runs the seeds that it is sent, and sends back what came of them. */
process.on('message', async ({ first, count }: SeedRange) => {
  const results: SimulationResult[] = [];
  for (let seed = first; seed < first + count; seed++) results.push(await simulate(seed));
  // Whoever asked may be gone by now, and then nobody wants to hear about that either.
  process.send!(results, undefined, undefined, (error) => {
    if (error) process.exit();
  });
});
process.on('disconnect', () => process.exit());
