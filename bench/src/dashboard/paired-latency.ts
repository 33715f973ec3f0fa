/** The data plane's tail with dashboards open and with none, in turns of one run, so that the machine's moods fall on both. */
import type { LoadView } from '@sparewheel/protocol';
import { median } from '../measure.ts';
import { launchBrowser, type Scene } from './scene.ts';

const DASHBOARDS = 5;
const WARM_UP_SECONDS = 3;
/** Enough that eight requests of a turn are slower than its p99, and half of what two processors bear. */
const PAIRED_RATE_PER_SECOND = 40;

export interface PairedLatency {
  readonly rounds: number;
  readonly withNoneMs: readonly number[];
  readonly withFiveMs: readonly number[];
  /** Median over the rounds of one's p99 ÷ the other's. */
  readonly ratio: number;
}

/** @param seconds  of load in each half of a round */
export async function pairedLatency(
  scene: Scene,
  { rounds, seconds }: { rounds: number; seconds: number },
  log: (line: string) => void,
): Promise<PairedLatency> {
  const withNoneMs: number[] = [];
  const withFiveMs: number[] = [];
  for (let round = 0; round < rounds; round++) {
    // The other way round each time: what drifts falls on both.
    for (const open of round % 2 === 0 ? [false, true] : [true, false]) {
      (open ? withFiveMs : withNoneMs).push(await p99(scene, open ? DASHBOARDS : 0, seconds));
    }
    log(
      `  p99 ${withNoneMs[round]!.toFixed(1)} ms with none, ${withFiveMs[round]!.toFixed(1)} ms with five open`,
    );
  }
  return {
    rounds,
    withNoneMs,
    withFiveMs,
    ratio: median(withFiveMs.map((ms, round) => ms / withNoneMs[round]!)),
  };
}

async function p99(scene: Scene, dashboards: number, seconds: number): Promise<number> {
  const browser = dashboards > 0 ? await launchBrowser({ polite: true }) : null;
  try {
    if (browser)
      await Promise.all(
        Array.from({ length: dashboards }, () => scene.visit(browser, '/?deployment=lenet5')),
      );
    // Pages that have just loaded, and code that has not yet been compiled, are not what is asked about.
    await load(scene, WARM_UP_SECONDS);
    return (await load(scene, seconds)).percentiles.p99;
  } finally {
    await browser?.close();
  }
}

/** As the client saw it, from the intended start of each request. */
async function load(scene: Scene, seconds: number): Promise<LoadView> {
  const { body: started } = await scene.product.api<LoadView>(scene.load, {
    method: 'POST',
    json: { mode: 'open', ratePerSecond: PAIRED_RATE_PER_SECOND, seconds },
  });
  return scene.product.eventually('the load’s end', async () => {
    const { load } = await scene.product.deployment('lenet5');
    // For a moment after its start, the load before it still stands there.
    return load !== null && load.startedAt === started.startedAt && !load.running && load;
  });
}
