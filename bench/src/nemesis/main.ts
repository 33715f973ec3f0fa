/**
 * `npm run nemesis -- --minutes M [--seed S] [--json]`: runs the product under load and real faults, and
 * checks every answer. Exit codes: 0 no violation, 1 at least one violation, 2 wrong command line.
 */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Product } from '@sparewheel/e2e/product';
import { quantizedNetwork } from '@sparewheel/e2e/quantized-network';
import { seededRandom } from '@sparewheel/zoo/random';
import { environment } from '../environment.ts';
import { CheckedLoad } from './checked-load.ts';
import { Checker } from './checker.ts';
import { hostFaults, mountSmallDisk, prepareProduct, runInNamespace, unmountSmallDisk } from './host.ts';
import { digits, quantizedBatches } from './known-answers.ts';
import { Nemesis, TEMPORARY_DEPLOYMENT } from './nemesis.ts';
import { type Episode, nextEpisode } from './schedule.ts';

const USAGE = 'npm run -s nemesis -- --minutes M [--seed S] [--json]';
const DEVICES = 7;
/** The demo deployment, and one that survives two failures and verifies before the answer. */
const DEMO = { name: 'lenet5', clients: 5, parity: 1, devicesOnly: true };
const DOUBLE = { name: 'double', clients: 3, parity: 2, devicesOnly: false };
/** A network with 8-bit weights and a free batch. Its answers must be equal to those of ONNX Runtime, bit for bit. */
const QUANTIZED = { name: 'quantized', clients: 2, parity: 1, devicesOnly: false };
const DEPLOYMENTS = [DEMO, DOUBLE, QUANTIZED];
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
  if (!(minutes > 0)) throw new Error(`--minutes ${values.minutes} is not a positive number.`);
  if (!Number.isInteger(seed)) throw new Error(`--seed ${values.seed} is not an integer.`);
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
  const checker = new Checker();
  const [lenet5, quantized] = [await digits(), await quantizedBatches()];
  const load = new CheckedLoad(product.ports.data, product.tokens.infer, checker, (deployment) =>
    deployment === QUANTIZED.name ? quantized : lenet5,
  );
  const nemesis = new Nemesis(product, {
    checker,
    host,
    load,
    deployments: DEPLOYMENTS.map(({ name }) => name),
    devices: DEVICES,
    smallDisk: disk,
    restart: ({ ports }) => Product.start({ home, ports, args, withoutDemo: true }),
  });

  try {
    checker.register(TEMPORARY_DEPLOYMENT, 1);
    for (const { name, parity, devicesOnly } of DEPLOYMENTS) checker.register(name, parity, devicesOnly);
    await product.api('/api/deployments', {
      method: 'POST',
      json: { name: DOUBLE.name, model: 'lenet5', k: 3, r: 2, layers: 'all', policy: { verify: 'before' } },
    });
    await product.api('/api/models?name=quantized', {
      method: 'POST',
      body: Buffer.from(quantizedNetwork()),
    });
    await product.api('/api/deployments', {
      method: 'POST',
      json: { name: QUANTIZED.name, model: 'quantized', k: 3, r: 1, layers: 'all' },
    });
    await nemesis.untilHealthy();
    for (const { name, clients } of DEPLOYMENTS) load.start(name, clients);
    await play(nemesis, checker, { minutes, seed, log, host });
  } catch (error) {
    checker.violation(error instanceof Error ? error.message : String(error));
  } finally {
    await load.stop();
    await checkCounters(nemesis, checker);
    await nemesis.product.stop();
    if (disk !== null) unmountSmallDisk(disk.folder);
    if (checker.violations.length === 0) nemesis.product.removeHome();
    else log(`kept the product's home for inspection: ${home}`);
  }

  const { requests, answered, failed, lost, wrong, faultCount: faults } = checker;
  const details = {
    ...environment(),
    seed,
    minutes,
    faultsByKind: checker.faults,
    deployments: checker.counts,
    recoveryMs: summary(nemesis.recoveryMs),
    restartMs: nemesis.restartMs.map(Math.round),
    skipped: host.skipped,
    violations: checker.violations,
  };
  if (!json) console.log(JSON.stringify(details, null, 2));
  console.log(
    JSON.stringify({ requests, answered, failed, lost, wrong, faults, ...(json ? { details } : {}) }),
  );
  for (const violation of checker.violations.slice(0, 20)) console.error(`violation: ${violation}`);
  return checker.violations.length === 0 ? 0 : 1;
}

async function play(
  nemesis: Nemesis,
  checker: Checker,
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
  while (performance.now() < endsAt && checker.violations.length === 0) {
    const drawn = nextEpisode(random, abilities);
    const due: boolean = !killed && performance.now() >= killAt;
    const episode: Episode = due ? { kind: 'control-plane-kill' } : drawn;
    killed ||= due;
    log(`${((performance.now() - startedAt) / 1000).toFixed(1).padStart(6)} s  ${describe(episode)}`);
    await nemesis.play(episode);
  }
}

/** Checks that the product's own counters show no lost request and no wrong answer either. */
async function checkCounters(nemesis: Nemesis, checker: Checker): Promise<void> {
  for (const { name } of DEPLOYMENTS) {
    try {
      const { counts } = await nemesis.product.latency(name);
      if (counts.lost !== 0)
        checker.violation(`the data plane counts ${counts.lost} lost requests of ${name}`);
      if (counts.corrupt !== 0)
        checker.violation(`the data plane counts ${counts.corrupt} wrong answers of ${name}`);
    } catch (error) {
      checker.violation(`the counters of ${name} are not available: ${error}`);
    }
  }
}

function describe(episode: Episode): string {
  if (episode.kind !== 'devices') return JSON.stringify(episode);
  const victims = episode.victims.map(({ device, fault }) => {
    const { kind, ...rest } = fault;
    return `local-${device + 1} ${kind} ${Object.values(rest).join(' ')}`.trim();
  });
  return `${victims.join(', ')}; ends after ${Math.round(episode.holdMs)} ms`;
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
  // Before the namespace is created, because it cannot reach a package registry.
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
