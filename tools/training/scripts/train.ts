/**
 * Trains one network of the zoo and writes it to packages/zoo/models: NAME.onnx, and NAME.json with its
 * accuracy and options. The options and the seed are fixed, so a second run writes the same weights. Needs
 * MNIST in ../shared/data/mnist beside the repository. Takes 10 to 15 minutes on one core.
 *
 *   npx tsx tools/training/scripts/train.ts lenet5 | branchnet
 */
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { joinChunks, writeModel } from '@sparewheel/onnx';
import { networkModel } from '../src/export-model.ts';
import { mnistFolder, readMnist } from '../src/mnist.ts';
import type { NetworkSpec } from '../src/network-spec.ts';
import { BRANCHNET, LENET5 } from '../src/networks.ts';
import { accuracy, type TrainingOptions, train } from '../src/train.ts';

const COMMON = {
  seed: 5,
  batch: 50,
  warmUpSteps: 200,
  weightDecay: 0.01,
  averageDecay: 0.998,
  distortion: { shift: 2, rotation: 0.25, shear: 0.2, logScale: 0.15, elastic: 0.9 },
};
const NETWORKS: Readonly<Record<string, { spec: NetworkSpec; options: TrainingOptions }>> = {
  lenet5: { spec: LENET5, options: { ...COMMON, epochs: 40, learningRate: 0.003 } },
  branchnet: { spec: BRANCHNET, options: { ...COMMON, epochs: 16, learningRate: 0.005 } },
};

const [name = ''] = process.argv.slice(2);
const chosen = NETWORKS[name];
if (chosen === undefined) {
  console.error(`Unknown network "${name}". Choose one of: ${Object.keys(NETWORKS).join(', ')}.`);
  process.exit(2);
}
const folder = mnistFolder();
if (folder === null) {
  console.error(
    'MNIST not found. Put its gzipped IDX files into ../shared/data/mnist beside the repository.',
  );
  process.exit(1);
}
trainAndWrite(chosen.spec, chosen.options, folder);

/** Trains on 10 000 digits and measures on the 10 000 test digits, which influence no choice of weights. */
function trainAndWrite(spec: NetworkSpec, options: TrainingOptions, mnist: string): void {
  const startedAt = performance.now();
  const seconds = (): number => Math.round((performance.now() - startedAt) / 1000);
  const network = train(spec, readMnist(mnist, 'train10k'), {
    ...options,
    onEpoch: (epoch, loss) =>
      console.log(`epoch ${epoch}/${options.epochs}  loss ${loss.toFixed(4)}  ${seconds()} s`),
  });
  const testAccuracy = accuracy(network, readMnist(mnist, 't10k'), options.batch);
  const weights = new Map(network.parameters.map(({ name, values }) => [name, Float32Array.from(values)]));
  const model = networkModel(spec, (name) => {
    const values = weights.get(name);
    if (values === undefined) throw new Error(`the trained network has no parameter "${name}"`);
    return values;
  });
  const bytes = joinChunks(writeModel(model));
  const note = {
    model: spec.name,
    testAccuracy,
    parameters: network.parameters.reduce((sum, { values }) => sum + values.length, 0),
    sha256: createHash('sha256').update(bytes).digest('hex'),
    trainedOn: 'MNIST, 10 000 training digits; accuracy on 10 000 test digits',
    command: `npx tsx tools/training/scripts/train.ts ${spec.name}`,
    options,
  };
  const models = new URL('../../../packages/zoo/models/', import.meta.url);
  writeFileSync(new URL(`${spec.name}.onnx`, models), bytes);
  writeFileSync(new URL(`${spec.name}.json`, models), `${JSON.stringify(note, null, 2)}\n`);
  console.log(`accuracy ${(100 * testAccuracy).toFixed(2)} % on the test digits after ${seconds()} s`);
}
