import { Product } from '@sparewheel/e2e/product';
import type { LoadView } from '@sparewheel/protocol';
import type { Benchmark } from './benchmark.ts';
import { openViewer, VIEWERS, type ViewerCost, type ViewerKind } from './dashboard/duel-viewers.ts';
import { median } from './measure.ts';
import { processorSeconds, processTree, readProc } from './process-tree.ts';

const ROUNDS = 6;
const WARM_UP_SECONDS = 4;
const MEASURE_SECONDS = 12;
/** Of the load that the dashboard starts. */
const CONCURRENCY = 8;
/** Browser start and page load; only for the number of rounds in the given minutes. */
const OPEN_SECONDS = 4;

const GOALS = { page: 0.3, longestFrameMs: 100, p99Ratio: 1.1 };

interface Part {
  readonly p99Ms: number;
  readonly answered: number;
  /** Processor time of the control plane's process, which contains the data plane, ÷ elapsed time. */
  readonly server: number;
  readonly cost: ViewerCost | null;
}

/** Measures what an open page with the duel costs: its own processor time, and the data plane's p99. */
export const duel: Benchmark = {
  name: 'duel',
  summary: `page and stage with the duel, ${CONCURRENCY} requests in flight, 6 local devices: processor time, frames, the data plane’s p99; --minutes`,
  async run({ log, minutes }) {
    const measured = await measureDuel(log, minutes);
    const ratios = [
      measured.page / GOALS.page,
      measured.stage / GOALS.page,
      measured.longestFrameMs / GOALS.longestFrameMs,
      measured.p99Ratio.live / GOALS.p99Ratio,
      measured.p99Ratio.stage / GOALS.p99Ratio,
    ];
    return {
      name: 'duel',
      value: Math.max(...ratios),
      unit: '× the goal, worst of five figures',
      goal: '≤ 1: main thread of the live page and of the stage ≤ 30 % of a core, frames ≤ 100 ms, p99 with either page open ÷ closed ≤ 1.1',
      met: ratios.every((ratio) => ratio <= 1),
      details: { goals: GOALS, ...measured },
    };
  },
};

/** Measures all viewers in turn, several rounds, with the order rotated. */
export async function measureDuel(log: (line: string) => void, minutes?: number) {
  const roundSeconds = VIEWERS.length * (OPEN_SECONDS + WARM_UP_SECONDS + MEASURE_SECONDS);
  const rounds = minutes === undefined ? ROUNDS : Math.max(2, Math.round((60 * minutes) / roundSeconds));
  const product = await Product.start({ twin: true });
  try {
    const parts = Object.fromEntries(VIEWERS.map((kind) => [kind, [] as Part[]])) as Record<
      ViewerKind,
      Part[]
    >;
    // The control needs the cost of the page. This part also compiles the server's code.
    const first = await measurePart(product, 'live', 0);
    for (let round = 0; round < rounds; round++) {
      for (let turn = 0; turn < VIEWERS.length; turn++) {
        const kind = VIEWERS[(round + turn) % VIEWERS.length]!;
        const share = median([first, ...parts.live].map(({ cost }) => cost?.browser ?? 0));
        parts[kind].push(await measurePart(product, kind, share));
      }
      log(`  ${VIEWERS.map((kind) => describe(kind, parts[kind].at(-1)!)).join(', ')}`);
    }
    const ratioOf = (kind: ViewerKind) =>
      median(parts[kind].map(({ p99Ms }, round) => p99Ms / parts.none[round]!.p99Ms));
    const costOf = (kind: ViewerKind, read: (cost: ViewerCost) => number) =>
      median(parts[kind].map(({ cost }) => read(cost!)));
    const byKind = <Value>(read: (kind: ViewerKind) => Value) =>
      Object.fromEntries(VIEWERS.map((kind) => [kind, read(kind)])) as Record<ViewerKind, Value>;
    return {
      load: `closed loop, ${CONCURRENCY} in flight, LeNet-5 4 + 1 with its uncoded twin, 6 agent processes`,
      rounds,
      page: costOf('live', ({ page }) => page.mainThread),
      stage: costOf('stage', ({ page }) => page.mainThread),
      longestFrameMs: Math.max(
        costOf('live', ({ page }) => page.longestFrameMs),
        costOf('stage', ({ page }) => page.longestFrameMs),
      ),
      browser: Object.fromEntries(
        (['live', 'stage', 'control'] as const).map((kind) => [kind, costOf(kind, ({ browser }) => browser)]),
      ),
      server: byKind((kind) => median(parts[kind].map(({ server }) => server))),
      answered: byKind((kind) => median(parts[kind].map(({ answered }) => answered))),
      p99Ms: byKind((kind) => parts[kind].map(({ p99Ms }) => p99Ms)),
      p99Ratio: byKind(ratioOf),
      parts,
    };
  } finally {
    await product.stop();
    product.removeHome();
  }
}

function describe(kind: ViewerKind, { p99Ms, cost }: Part): string {
  const used = cost === null ? '' : ` (${(100 * cost.browser).toFixed(0)} % browser)`;
  return `${kind} p99 ${p99Ms.toFixed(1)} ms${used}`;
}

async function measurePart(product: Product, kind: ViewerKind, share: number): Promise<Part> {
  const viewer = await openViewer(product, kind, share);
  try {
    // Excludes page loads, and the adjustment of the control.
    await (await startLoad(product, WARM_UP_SECONDS)).ended();
    const server = serverProcesses();
    const before = processorSeconds(server);
    const start = performance.now();
    const load = await startLoad(product, MEASURE_SECONDS);
    const cost = await viewer.measure(1_000 * MEASURE_SECONDS);
    const { percentiles, answered } = await load.ended();
    const seconds = (performance.now() - start) / 1_000;
    return { p99Ms: percentiles.p99, answered, server: (processorSeconds(server) - before) / seconds, cost };
  } finally {
    await viewer.close();
  }
}

/** The process of control plane and data plane, without the agents that it starts. */
function serverProcesses(): number[] {
  return processTree(process.pid).filter((id) =>
    readProc(id, 'cmdline').includes('control-plane/dist/start.js'),
  );
}

async function startLoad(product: Product, seconds: number): Promise<{ ended: () => Promise<LoadView> }> {
  const { body: started } = await product.api<LoadView>('/api/deployments/lenet5/load', {
    method: 'POST',
    json: { mode: 'closed', concurrency: CONCURRENCY, seconds },
  });
  return {
    ended: () =>
      product.eventually('the end of the load', async () => {
        const { load } = await product.deployment('lenet5');
        // Just after the start, the view may still show the previous load.
        return load !== null && load.startedAt === started.startedAt && !load.running && load;
      }),
  };
}
