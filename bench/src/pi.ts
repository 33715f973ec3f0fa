import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BlobStore, ModelBuilder } from '@sparewheel/model-builder';
import { DEFAULT_COSTS, type DeviceCapacity, type ModelProfile, planFleet } from '@sparewheel/planner';
import type { Benchmark } from './benchmark.ts';

const MODELS = ['vgg16', 'c3d', 'alexnet'] as const;
const GOAL = 0.6;

/** 100BASE-T Ethernet carries this much TCP payload; the paper's Wi-Fi, 94.1 Mbit/s. */
const PI_LINK_BYTES_PER_MS = 94_000 / 8;
const HOP_MS = 0.3;
/** A Raspberry Pi 3 has 1 GB; its system, Node and activations need the rest. */
const PI_MEMORY_BYTES = 750e6;

/**
 * Speed of a Raspberry Pi 3: four Cortex-A53 cores at 1.2 GHz. Assumed, not measured: half of the peak of the vector
 * unit (2 multiply-adds per cycle and core), and the copy bandwidth of its LPDDR2 memory.
 */
const PI_SPEEDS = [
  { threads: 1, multiplyAddsPerSecond: 1.2e9, memoryBytesPerSecond: 1.5e9 },
  { threads: 4, multiplyAddsPerSecond: 4e9, memoryBytesPerSecond: 2e9 },
] as const;

/** The data plane's link: a gigabit switch port, or the same shared medium as the devices. */
const NETWORKS = [
  { network: 'switch, 1 Gbit/s to the data plane', dataPlaneBytesPerMs: 125_000 },
  { network: 'one shared medium', dataPlaneBytesPerMs: PI_LINK_BYTES_PER_MS },
] as const;

/** Imports a model of the zoo, and returns its profile without the times of this machine. */
async function profileOf(name: string, builder: ModelBuilder, blobs: BlobStore, scratch: string) {
  const path = join(scratch, `${name}.onnx`);
  await builder.run({ kind: 'build-zoo-model', name, path });
  const { profile } = await builder.run({
    kind: 'import-model',
    path,
    name,
    dimensions: {},
    maxDimensions: {},
    shapes: {},
  });
  const { speed: _, ...rest } = JSON.parse(await blobs.readText(profile.sha256)) as ModelProfile;
  return { ...rest, layers: rest.layers.map((layer) => ({ ...layer, timeMs: null })) };
}

function predictPi(
  profile: ModelProfile,
  speed: (typeof PI_SPEEDS)[number],
  { network, dataPlaneBytesPerMs }: (typeof NETWORKS)[number],
) {
  const devices = Array.from(
    { length: 5 },
    (_, i): DeviceCapacity => ({
      id: `pi-${i}`,
      memoryBytes: PI_MEMORY_BYTES,
      speed: {
        ...speed,
        cores: 4,
        machine: `pi-${i}`,
        engine: 'native',
        hopMs: HOP_MS,
        bytesPerMs: PI_LINK_BYTES_PER_MS,
      },
    }),
  );
  const { plan } = planFleet(
    { ...profile, speed: { trial: speed, served: speed } },
    {
      k: 4,
      r: 1,
      strategy: 'coded',
      layers: 'auto',
      objective: 'devices-only',
      devices,
      costs: { ...DEFAULT_COSTS, dataPlaneBytesPerMs },
    },
  );
  const { device, plan: own } = plan.predictions!;
  return {
    model: profile.model.name,
    threads: speed.threads,
    network,
    onePiMs: Math.round(device!.ms),
    distributedMs: Math.round(own.ms),
    megabytes: Number(own.megabytes.toFixed(1)),
    ratio: Number((own.ms / device!.ms).toFixed(3)),
    coded: plan.steps.filter(({ kind }) => kind === 'coded').length,
    replicated: plan.steps.filter(({ kind }) => kind === 'replicated').length,
  };
}

export const pi: Benchmark = {
  name: 'pi',
  summary: 'predicted latency over 4 + 1 Raspberry Pi 3 at 94 Mbit/s ÷ one Pi, for the networks of the paper',
  async run({ log }) {
    const home = await mkdtemp(join(tmpdir(), 'sparewheel-pi-'));
    const scratch = join(home, 'scratch');
    await mkdir(scratch);
    const blobs = new BlobStore(join(home, 'blobs'));
    await blobs.open();
    const builder = ModelBuilder.inThread({ blobs: blobs.directory, scratch });
    try {
      const cases = [];
      for (const name of MODELS) {
        const profile = await profileOf(name, builder, blobs, scratch);
        for (const network of NETWORKS) {
          for (const speed of PI_SPEEDS) cases.push(predictPi(profile, speed, network));
        }
        log(
          `${name}: ${cases
            .slice(-4)
            .map(({ ratio }) => ratio)
            .join(', ')}`,
        );
      }
      const headline = cases.filter(
        ({ threads, network }) => threads === 1 && network === NETWORKS[0].network,
      );
      const value = Math.max(...headline.map(({ ratio }) => ratio));
      return {
        name: 'pi',
        value,
        unit: '× one Pi, the worst of three networks; one thread per Pi, behind a switch',
        goal: `< ${GOAL} for VGG-16, C3D and AlexNet`,
        met: value < GOAL,
        details: { piSpeeds: PI_SPEEDS, hopMs: HOP_MS, cases },
      };
    } finally {
      await builder.close();
      await rm(home, { recursive: true, force: true });
    }
  },
};
