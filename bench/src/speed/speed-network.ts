import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { freemem, tmpdir } from 'node:os';
import { join } from 'node:path';
import { joinChunks } from '@sparewheel/onnx';
import { zooModel } from '@sparewheel/zoo';
import { NETWORKS, networkBytes } from './networks.ts';

const DEFAULT_NETWORKS = ['alexnet', 'resnet-18', 'decoder'] as const;
/** 553 MB of weights: in the engine of the baseline; on the control plane, encoded, and on the devices. */
const LARGE_NETWORK = 'vgg16';
const LARGE_NETWORK_FREE_BYTES = 10e9;

/** Returns the networks in `SPAREWHEEL_SPEED_NETWORKS`; by default three, and VGG-16 if it fits in memory. */
export function selectedNetworks(log: (line: string) => void): readonly string[] {
  const selected = process.env.SPAREWHEEL_SPEED_NETWORKS?.split(',').filter(Boolean) ?? [];
  const unknown = selected.find((name) => !(name in NETWORKS) && !zooModel(name));
  if (unknown !== undefined)
    throw new Error(
      `SPAREWHEEL_SPEED_NETWORKS names "${unknown}", which is neither in the zoo nor generated.`,
    );
  if (selected.length > 0) return selected;
  if (freemem() >= LARGE_NETWORK_FREE_BYTES) return [...DEFAULT_NETWORKS, LARGE_NETWORK];
  log(`without ${LARGE_NETWORK}: it needs ${LARGE_NETWORK_FREE_BYTES / 1e9} GB of free memory`);
  return DEFAULT_NETWORKS;
}

/** Writes a network to a new folder and passes the ONNX file to `use`. Removes the folder afterwards. */
export async function withNetworkFile<T>(name: string, use: (file: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'sparewheel-speed-'));
  try {
    const file = join(folder, `${name}.onnx`);
    await writeFile(file, await bytesOf(name));
    return await use(file);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function bytesOf(name: string): Promise<Uint8Array> {
  if (Object.hasOwn(NETWORKS, name)) return networkBytes(name as keyof typeof NETWORKS);
  return joinChunks(await zooModel(name)!.chunks());
}

/** Returns the values of a benchmark's input: positive, and the same in each process. */
export function inputValues(elements: number): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length: elements }, (_, i) => 0.5 + 0.5 * Math.sin(i * 0.37));
}

/** How many requests a measurement sends: `requests`, fewer if they take longer than `budgetMs`, at least 3. */
export interface Repetitions {
  readonly warmups: number;
  readonly requests: number;
  /** For the warm-ups, and again for the requests. */
  readonly budgetMs: number;
}

const MIN_REPETITIONS = 3;

/** Calls `request` for a measurement, one at a time. @returns the milliseconds of each call */
export async function repeat(
  count: number,
  budgetMs: number,
  request: () => Promise<unknown>,
): Promise<number[]> {
  const times: number[] = [];
  const end = performance.now() + budgetMs;
  while (times.length < MIN_REPETITIONS || (times.length < count && performance.now() < end)) {
    const start = performance.now();
    await request();
    times.push(performance.now() - start);
  }
  return times;
}
