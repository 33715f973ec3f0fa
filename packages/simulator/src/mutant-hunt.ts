import { MUTANTS, type Mutant } from './mutants.ts';
import { type SimulationResult, simulate } from './simulation.ts';

/** The number of seeds within which the checker must catch every mutant. */
export const SEEDS_PER_MUTANT = 400;

export interface Caught {
  readonly seed: number;
  readonly complaint: string;
}

/** Returns the first seed whose checker complains about the mutant; null if none does. */
export async function hunt(mutant: Mutant, seeds = SEEDS_PER_MUTANT): Promise<Caught | null> {
  const restore = mutant.patch?.();
  try {
    for (let seed = 1; seed <= seeds; seed++) {
      const { violations }: SimulationResult = await simulate(seed, { tampering: mutant.tampering });
      const [first] = violations;
      if (first) return { seed, complaint: `${first.promise}: ${first.what}` };
    }
    return null;
  } finally {
    restore?.();
  }
}

export async function huntAll(): Promise<{
  readonly caught: number;
  readonly total: number;
  readonly missed: string[];
}> {
  const missed: string[] = [];
  for (const mutant of MUTANTS) if ((await hunt(mutant)) === null) missed.push(mutant.name);
  return { caught: MUTANTS.length - missed.length, total: MUTANTS.length, missed };
}
