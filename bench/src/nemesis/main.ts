/**
 * `npm run nemesis -- --minutes M [--seed S] [--json]`: the product under load and real faults, every answer checked.
 * Exit codes: 0 every promise was kept, 1 one was broken, 2 wrong command line.
 */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Product } from '@sparewheel/e2e/product';
import { environment } from '../environment.ts';
import { lenet5Cases } from '../lenet5-reference.ts';
import { CheckedLoad } from './checked-load.ts';
import { hostFaults, mountSmallDisk, prepareProduct, runInNamespace, unmountSmallDisk } from './host.ts';
import { Nemesis } from './nemesis.ts';
import { seededRandom } from './random.ts';
import { type Episode, nextEpisode } from './schedule.ts';
import { Tally } from './tally.ts';

const USAGE = 'npm run -s nemesis -- --minutes M [--seed S] [--json]';
const DEVICES = 7;
/** The demo, and one that survives any two failures and verifies before it answers. */
const DEMO = { name: 'lenet5', clients: 5, parity: 1 };
const DOUBLE = { name: 'double', clients: 3, parity: 2 };
const SMALL_DISK_MB = 24;

interface Options {
  readonly minutes: number;
  readonly seed: number;
  readonly json: boolean;
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '1' },
      seed: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
  const minutes = Number(values.minutes);
  const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 32));
  if (!(minutes > 0)) throw new Error(`--minutes ${values.minutes} is no duration`);
  if (!Number.isInteger(seed)) throw new Error(`--seed ${values.seed} is no whole number`);
  return { minutes, seed, json: values.json };
}

async function run({ minutes, seed, json }: Options): Promise<number> {
  const log = (line: string): void => (json ? console.error(line) : console.log(line));
  const host = hostFaults();
  for (const line of host.skipped) log(`skipped: ${line}`);
  log(`seed ${seed}`);

  const home = mkdtempSync(join(tmpdir(), 'sparewheel-nemesis-'));
  const disk = host.fillDisk
    ? { device: DEVICES - 1, folder: join(home, 'devices', `local-${DEVICES}`, 'blobs') }
    : null;
  if (disk !== null) mountSmallDisk(disk.folder, SMALL_DISK_MB);
  const args = ['--fleet', String(DEVICES)];
  const product = await Product.start({ home, args });
  const tally = new Tally();
  const load = new CheckedLoad(product.ports.data, product.tokens.infer, tally, await lenet5Cases());
  const nemesis = new Nemesis(product, {
    tally,
    host,
    load,
    deployments: [DEMO.name, DOUBLE.name],
    devices: DEVICES,
    smallDisk: disk,
    restart: ({ ports }) => Product.start({ home, ports, args, withoutDemo: true }),
  });

  try {
    tally.deployment('passing', 1);
    for (const { name, parity } of [DEMO, DOUBLE]) tally.deployment(name, parity);
    await product.api('/api/deployments', {
      method: 'POST',
      json: { name: DOUBLE.name, model: 'lenet5', k: 3, r: 2, layers: 'all', policy: { verify: 'before' } },
    });
    await nemesis.whole();
    for (const { name, clients } of [DEMO, DOUBLE]) load.start(name, clients);
    await play(nemesis, tally, { minutes, seed, log, host });
  } catch (error) {
    tally.violation(error instanceof Error ? error.message : String(error));
  } finally {
    await load.stop();
    await checkBooks(nemesis, tally);
    await nemesis.product.stop();
    if (disk !== null) unmountSmallDisk(disk.folder);
    if (tally.violations.length === 0) nemesis.product.removeHome();
    else log(`the product's home stays at ${home}`);
  }

  const { requests, answered, failed, lost, wrong, faultCount: faults } = tally;
  const details = {
    ...environment(),
    seed,
    minutes,
    faultsByKind: tally.faults,
    deployments: tally.books,
    wholeAgainMs: summary(nemesis.wholeAgainMs),
    returnsMs: nemesis.returnsMs.map(Math.round),
    skipped: host.skipped,
    violations: tally.violations,
  };
  if (!json) console.log(JSON.stringify(details, null, 2));
  console.log(
    JSON.stringify({ requests, answered, failed, lost, wrong, faults, ...(json ? { details } : {}) }),
  );
  for (const violation of tally.violations.slice(0, 20)) console.error(`broken: ${violation}`);
  return tally.violations.length === 0 ? 0 : 1;
}

async function play(
  nemesis: Nemesis,
  tally: Tally,
  {
    minutes,
    seed,
    log,
    host,
  }: Omit<Options, 'json'> & { log(line: string): void; host: ReturnType<typeof hostFaults> },
): Promise<void> {
  const random = seededRandom(seed);
  const abilities = {
    devices: DEVICES,
    cutSockets: host.cutSockets,
    fillDisk: host.fillDisk,
    network: host.network !== null,
  };
  const startedAt = performance.now();
  const endsAt = startedAt + minutes * 60_000;
  const killAt = startedAt + minutes * 60_000 * random.between(0.4, 0.7);
  let killed = false;
  while (performance.now() < endsAt && tally.violations.length === 0) {
    const drawn = nextEpisode(random, abilities);
    const due: boolean = !killed && performance.now() >= killAt;
    const episode: Episode = due ? { kind: 'control-plane-kill' } : drawn;
    killed ||= due;
    log(`${((performance.now() - startedAt) / 1000).toFixed(1).padStart(6)} s  ${describe(episode)}`);
    await nemesis.play(episode);
  }
}

/** The product's own counters, which are kept apart from ours, must not know of a lost or wrong answer either. */
async function checkBooks(nemesis: Nemesis, tally: Tally): Promise<void> {
  for (const { name } of [DEMO, DOUBLE]) {
    try {
      const { counts } = await nemesis.product.latency(name);
      if (counts.lost !== 0) tally.violation(`the data plane counts ${counts.lost} lost requests of ${name}`);
      if (counts.corrupt !== 0)
        tally.violation(`${name} was answered wrongly ${counts.corrupt} times, says the data plane`);
    } catch (error) {
      tally.violation(`the counters of ${name} cannot be had: ${error}`);
    }
  }
}

function describe(episode: Episode): string {
  if (episode.kind !== 'devices') return JSON.stringify(episode);
  const victims = episode.victims.map(({ device, fault }) => {
    const { kind, ...rest } = fault;
    return `local-${device + 1} ${kind} ${Object.values(rest).join(' ')}`.trim();
  });
  return `${victims.join(', ')}; mended after ${Math.round(episode.holdMs)} ms`;
}

function summary(values: readonly number[]): object {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number) => Math.round(sorted[Math.floor(share * (sorted.length - 1))] ?? 0);
  return { count: sorted.length, p50: at(0.5), p95: at(0.95), max: at(1) };
}

async function main(): Promise<number> {
  let options: Options;
  try {
    options = readOptions();
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\nUsage: ${USAGE}`);
    return 2;
  }
  // Before there is a namespace, which has no way to a package registry.
  prepareProduct();
  return runInNamespace() ?? (await run(options));
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
