import type { Tensor } from '@sparewheel/protocol';
import type { BlameLab } from './blame-lab.ts';
import type { PublicFault } from './public-faults.ts';

type Case = Pick<PublicFault, 'feeds' | 'expected' | 'random' | 'tolerance' | 'strategy' | 'k'>;

/**
 * Uploads a model, and sends requests to its plans: the one of the case and a replicated one, with every kind of
 * verification, healthy and without each device.
 * @returns the different outcomes
 */
export async function outcomes(lab: BlameLab, path: string, each: Case): Promise<string[]> {
  const found = new Set<string>();
  const model = await lab.import(path);
  const { strategy, k } = each;
  const plans = [{ strategy, k }, ...(strategy === 'replicated' && k === 1 ? [] : [REPLICATED])];
  for (const choice of plans) {
    const built = await lab.build(model, { ...choice, r: 1, layers: 'all' });
    const held = new Set(built.plan.steps.flatMap((step) => (step.kind === 'local' ? [] : step.seats)));
    for (const verify of ['off', 'after', 'before'] as const) {
      const deployment = await lab.deploy(built, { verify });
      found.add(await outcomeOf(lab, deployment, each));
      for (const seat of held) {
        found.add(await lab.without(lab.deviceIds[seat]!, () => outcomeOf(lab, deployment, each)));
      }
      await lab.undeploy(deployment);
    }
  }
  return [...found];
}

const REPLICATED = { strategy: 'replicated', k: 1 } as const;

/** Sends one request. @returns "right", "wrong: …" or the code and message of the error */
export async function outcomeOf(
  lab: BlameLab,
  deployment: string,
  { feeds, expected, random, tolerance }: Pick<Case, 'feeds' | 'expected' | 'random' | 'tolerance'>,
): Promise<string> {
  try {
    const { fetches } = await lab.infer(deployment, feeds);
    for (const [name, tensor] of Object.entries(expected)) {
      const found = fetches[name]!;
      if (`${found.dims}` !== `${tensor.dims}`) return `wrong: shape [${found.dims}]`;
      const error = random ? 0 : relativeError(found, tensor);
      if (!(error <= tolerance)) return `wrong: error ${error}`;
    }
    return 'right';
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    return `${code}: ${message}`;
  }
}

/** Returns the largest difference ÷ the largest finite expected value. Equal infinities and NaN do not differ. */
function relativeError(found: Tensor, expected: Tensor): number {
  let worst = 0;
  let largest = 0;
  for (let i = 0; i < expected.data.length; i++) {
    const [a, b] = [Number(found.data[i]), Number(expected.data[i])];
    if (Object.is(a, b)) continue;
    worst = Math.max(worst, Math.abs(a - b));
    if (Number.isNaN(worst)) return Number.POSITIVE_INFINITY;
    largest = Math.max(largest, Math.abs(b));
  }
  return worst === 0 ? 0 : worst / (largest || 1);
}
