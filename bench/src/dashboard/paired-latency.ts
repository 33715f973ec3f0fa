/** The data plane's tail with dashboards open and with none, in turns of one run, so that the machine's moods fall on both. */
import { once } from 'node:events';
import type { LoadView } from '@sparewheel/protocol';
import { io } from 'socket.io-client';
import { median } from '../measure.ts';
import { launchBrowser, type Scene } from './scene.ts';

const DASHBOARDS = 5;
const WARM_UP_SECONDS = 3;
/** Enough that eight requests of a turn are slower than its p99, and half of what two processors bear. */
const PAIRED_RATE_PER_SECOND = 40;

/** Who looks on: nobody; browsers that draw; connections that get the same and draw nothing, as if on other machines. */
const AUDIENCES = ['none', 'browsers', 'connections'] as const;
type Audience = (typeof AUDIENCES)[number];

export interface PairedLatency {
  readonly rounds: number;
  /** p99 in ms, by round. */
  readonly p99Ms: Readonly<Record<Audience, readonly number[]>>;
  /** Median over the rounds of the p99 with browsers ÷ the one with none. */
  readonly ratio: number;
  /** The same with connections. */
  readonly connectionsRatio: number;
}

/** @param seconds  of load in each part of a round */
export async function pairedLatency(
  scene: Scene,
  { rounds, seconds }: { rounds: number; seconds: number },
  log: (line: string) => void,
): Promise<PairedLatency> {
  const p99Ms = { none: [] as number[], browsers: [] as number[], connections: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    // Another one first each time: what drifts falls on all.
    for (let turn = 0; turn < AUDIENCES.length; turn++) {
      const audience = AUDIENCES[(round + turn) % AUDIENCES.length]!;
      p99Ms[audience].push(await p99(scene, audience, seconds));
    }
    const [none, browsers, connections] = AUDIENCES.map((audience) => p99Ms[audience][round]!.toFixed(1));
    log(
      `  p99 ${none} ms with none, ${browsers} ms with five open, ${connections} ms with five connections that draw nothing`,
    );
  }
  const ratioOf = (audience: Audience) => median(p99Ms[audience].map((ms, round) => ms / p99Ms.none[round]!));
  return { rounds, p99Ms, ratio: ratioOf('browsers'), connectionsRatio: ratioOf('connections') };
}

async function p99(scene: Scene, audience: Audience, seconds: number): Promise<number> {
  const leave = await gather(scene, audience);
  try {
    // Pages that have just loaded, and code that has not yet been compiled, are not what is asked about.
    await load(scene, WARM_UP_SECONDS);
    return (await load(scene, seconds)).percentiles.p99;
  } finally {
    await leave();
  }
}

/** @returns sends the audience away */
async function gather(scene: Scene, audience: Audience): Promise<() => Promise<void>> {
  if (audience === 'none') return async () => {};
  if (audience === 'browsers') {
    const browser = await launchBrowser({ polite: true });
    const pages = Array.from({ length: DASHBOARDS }, () => scene.visit(browser, '/?deployment=lenet5'));
    await Promise.all(pages);
    return () => browser.close();
  }
  const { url, tokens } = scene.product;
  const sockets = Array.from({ length: DASHBOARDS }, () =>
    io(`${url}/ui`, { transports: ['websocket'], auth: { token: tokens.operator }, forceNew: true }),
  );
  await Promise.all(sockets.map((socket) => once(socket as never, 'snapshot')));
  return async () => {
    for (const socket of sockets) socket.disconnect();
  };
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
