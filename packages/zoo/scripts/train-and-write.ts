import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { joinChunks, writeModel } from '@sparewheel/onnx';
import type { NetworkSpec } from '../src/network-spec.ts';
import { networkModel } from '../src/trained-model.ts';
import { mnistFolder, readMnist } from '../src/training/mnist.ts';
import { accuracy, type TrainingOptions, train } from '../src/training/train.ts';

/**
 * Trains a network on MNIST's 10 000 training digits, measures it on the 10 000 test digits, and writes
 * `models/NAME.onnx` with a note of how it was made beside it. The test digits decide nothing: the weights of the
 * last step are what is written.
 */
export function trainAndWrite(spec: NetworkSpec, options: TrainingOptions, command: string): void {
  const folder = mnistFolder();
  if (folder === null) {
    console.error(
      'MNIST is not there: put its gzipped IDX files into ../shared/data/mnist beside the repository',
    );
    process.exit(1);
  }
  const began = performance.now();
  const seconds = (): number => Math.round((performance.now() - began) / 1000);
  const network = train(spec, readMnist(folder, 'train10k'), {
    ...options,
    onEpoch: (epoch, loss) =>
      console.log(`epoch ${epoch}/${options.epochs}  loss ${loss.toFixed(4)}  ${seconds()} s`),
  });
  const measured = accuracy(network, readMnist(folder, 't10k'), options.batch);
  const weights = new Map(network.parameters.map(({ name, values }) => [name, Float32Array.from(values)]));
  const model = networkModel(spec, (name) => {
    const values = weights.get(name);
    if (values === undefined) throw new Error(`the trained network has no ${name}`);
    return values;
  });
  const bytes = joinChunks(writeModel(model));
  const note = {
    model: spec.name,
    testAccuracy: measured,
    parameters: network.parameters.reduce((sum, { values }) => sum + values.length, 0),
    sha256: createHash('sha256').update(bytes).digest('hex'),
    trainedOn: 'MNIST, 10 000 training digits; accuracy on 10 000 test digits',
    command,
    options,
  };
  writeFileSync(new URL(`../models/${spec.name}.onnx`, import.meta.url), bytes);
  writeFileSync(
    new URL(`../models/${spec.name}.json`, import.meta.url),
    `${JSON.stringify(note, null, 2)}\n`,
  );
  console.log(`${(100 * measured).toFixed(2)} % right on the test digits after ${seconds()} s`);
}
