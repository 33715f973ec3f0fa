import { once } from 'node:events';
import type { LoadView } from '@sparewheel/protocol';
import { io } from 'socket.io-client';
import { median } from '../measure.ts';
import { launchBrowser, type Testbed } from './testbed.ts';

const DASHBOARDS = 5;
const WARM_UP_SECONDS = 3;
/** Half of the load that two cores can serve; gives eight requests per part above the p99. */
const PAIRED_RATE_PER_SECOND = 40;

/** Open dashboards: none, browsers, or connections that receive the same data but draw nothing. */
const VIEWERS = ['none', 'browsers', 'connections'] as const;
type Viewers = (typeof VIEWERS)[number];

export interface PairedLatency {
  readonly rounds: number;
  /** By round. */
  readonly p99Ms: Readonly<Record<Viewers, readonly number[]>>;
  /** Median over the rounds of p99 with browsers ÷ p99 without. */
  readonly ratio: number;
  /** The same with connections instead of browsers. */
  readonly connectionsRatio: number;
}

/**
 * Measures the data plane's p99 with and without open dashboards, in alternating turns, so that other load on
 * the machine affects all of them.
 * @param seconds  duration of the load in each part of a round
 */
export async function pairedLatency(
  testbed: Testbed,
  { rounds, seconds }: { rounds: number; seconds: number },
  log: (line: string) => void,
): Promise<PairedLatency> {
  const p99Ms = { none: [] as number[], browsers: [] as number[], connections: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    // Rotates the order, so that a drift affects all of them.
    for (let turn = 0; turn < VIEWERS.length; turn++) {
      const viewers = VIEWERS[(round + turn) % VIEWERS.length]!;
      p99Ms[viewers].push(await p99(testbed, viewers, seconds));
    }
    const [none, browsers, connections] = VIEWERS.map((viewers) => p99Ms[viewers][round]!.toFixed(1));
    log(
      `  p99 ${none} ms without dashboards, ${browsers} ms with five browsers, ${connections} ms with five connections`,
    );
  }
  const ratioOf = (viewers: Viewers) => median(p99Ms[viewers].map((ms, round) => ms / p99Ms.none[round]!));
  return { rounds, p99Ms, ratio: ratioOf('browsers'), connectionsRatio: ratioOf('connections') };
}

async function p99(testbed: Testbed, viewers: Viewers, seconds: number): Promise<number> {
  const closeViewers = await openViewers(testbed, viewers);
  try {
    // Excludes page loads and the compilation of the serving code.
    await runLoad(testbed, WARM_UP_SECONDS);
    return (await runLoad(testbed, seconds)).percentiles.p99;
  } finally {
    await closeViewers();
  }
}

/** Opens the viewers. @returns a function that closes them */
async function openViewers(testbed: Testbed, viewers: Viewers): Promise<() => Promise<void>> {
  if (viewers === 'none') return async () => {};
  if (viewers === 'browsers') {
    const browser = await launchBrowser({ lowPriority: true });
    const pages = Array.from({ length: DASHBOARDS }, () => testbed.visit(browser, '/?deployment=lenet5'));
    await Promise.all(pages);
    return () => browser.close();
  }
  const { url, tokens } = testbed.product;
  const sockets = Array.from({ length: DASHBOARDS }, () =>
    io(`${url}/ui`, { transports: ['websocket'], auth: { token: tokens.operator }, forceNew: true }),
  );
  await Promise.all(sockets.map((socket) => once(socket as never, 'snapshot')));
  return async () => {
    for (const socket of sockets) socket.disconnect();
  };
}

/** Runs the load generator. Its latencies count from the intended start of each request. */
async function runLoad(testbed: Testbed, seconds: number): Promise<LoadView> {
  const { body: started } = await testbed.product.api<LoadView>(testbed.loadPath, {
    method: 'POST',
    json: { mode: 'open', ratePerSecond: PAIRED_RATE_PER_SECOND, seconds },
  });
  return testbed.product.eventually('the end of the load', async () => {
    const { load } = await testbed.product.deployment('lenet5');
    // Just after the start, the view may still show the previous load.
    return load !== null && load.startedAt === started.startedAt && !load.running && load;
  });
}
