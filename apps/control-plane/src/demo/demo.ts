/** The demo: LeNet-5 over four data shards and a parity shard, with an idle standby device. */
import { Readable } from 'node:stream';
import { deploymentRequestSchema, LIMITS } from '@sparewheel/protocol';
import { sampleDigits, zooModel } from '@sparewheel/zoo';
import type { Deployments } from '../deployments/deployments.ts';
import type { LiveViews } from '../live-views.ts';
import type { Models } from '../models/models.ts';
import { receiveUpload } from '../models/receive-upload.ts';

/** The name of the demo's model and deployment. */
export const DEMO_NAME = 'lenet5';
const NAME = DEMO_NAME;
const REQUEST = deploymentRequestSchema.parse({
  name: NAME,
  model: NAME,
  k: 4,
  r: 1,
  layers: 'all',
  objective: 'devices-only',
});
const DEVICES = REQUEST.k + REQUEST.r;

export interface DemoParts {
  readonly models: Models;
  readonly deployments: Deployments;
  readonly live: LiveViews;
  /** An existing folder on the file system of the blobs. */
  readonly scratch: string;
  /** The number of devices on this machine. */
  readonly fleet: number;
  /** Whether a new demo gets an uncoded twin, so that the dashboard can compare both. */
  readonly twin: boolean;
  readonly inferenceUrl: string;
  readonly token: string;
  readonly log: (line: string) => void;
  /** Resolves when the condition holds. It is checked after each report of the data plane. */
  readonly when: (condition: () => boolean) => Promise<void>;
}

/** Deploys the demo, unless a deployment has its name, and reports its first answer. */
export async function runDemo(parts: DemoParts): Promise<void> {
  const { deployments, inferenceUrl, token, log, twin, when } = parts;
  // An existing demo keeps its twin, or stays without: an operator may have turned it off.
  const isNew = !deployments.has(NAME);
  try {
    if (isNew) await deploy(parts);
  } finally {
    deployments.withdraw(NAME);
  }
  const state = () => deployments.views().find(({ name }) => name === NAME)?.state;
  await when(() => !['preparing', 'distributing', 'unavailable'].includes(state() ?? 'deleted'));
  // It was deleted or failed.
  if (!['ready', 'degraded', 'rescuing'].includes(state() ?? 'deleted')) return;
  if (isNew && twin) await deployments.createTwin(NAME, {});
  log(await ask(inferenceUrl, token));
}

async function deploy(parts: DemoParts): Promise<void> {
  const { deployments, live, fleet, log, when } = parts;
  await upload(parts);
  if (fleet < DEVICES) {
    log(`The demo waits for ${DEVICES} devices. This machine runs ${fleet === 0 ? 'none' : fleet}.`);
    // Devices may never join, so the data plane must not wait for the demo.
    deployments.withdraw(NAME);
  }
  await when(() => live.devices.filter(({ state }) => state === 'ready').length >= DEVICES);
  if (!deployments.has(NAME)) await deployments.create(REQUEST);
}

/** Adds the model. Does nothing if it exists. */
async function upload({ models, scratch }: DemoParts): Promise<void> {
  const model = zooModel(NAME);
  if (model === undefined) throw new Error(`the zoo has no ${NAME}`);
  const chunks = await model.chunks();
  const file = await receiveUpload(Readable.from(chunks), scratch, LIMITS.modelBytes);
  await models.add(NAME, file);
}

/**
 * Classifies a drawn digit.
 * @param inferenceUrl  the data plane's address
 * @returns a sentence for the person who started Sparewheel
 */
async function ask(inferenceUrl: string, token: string): Promise<string> {
  const [digit] = sampleDigits();
  if (digit === undefined) throw new Error('the zoo has no sample digits');
  const response = await fetch(`${inferenceUrl}/v2/models/${NAME}/infer`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      inputs: [
        {
          name: 'image',
          shape: [1, 1, 28, 28],
          datatype: 'FP32',
          data: Array.from(digit.pixels, (pixel) => pixel / 255),
        },
      ],
    }),
  });
  if (!response.ok) throw new Error(`the demo answered with status ${response.status}`);
  const { outputs, parameters } = (await response.json()) as {
    outputs: { data: number[] }[];
    parameters?: { latency_ms?: number };
  };
  const logits = outputs[0]?.data ?? [];
  const read = logits.indexOf(Math.max(...logits));
  const took = parameters?.latency_ms === undefined ? '' : ` in ${parameters.latency_ms.toFixed(1)} ms`;
  return `The demo deployment ${NAME} answers: it reads a drawn ${digit.label} as ${read}${took}.`;
}
