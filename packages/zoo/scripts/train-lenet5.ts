/**
 * Makes models/lenet5.onnx again: `npx tsx packages/zoo/scripts/train-lenet5.ts`, about ten minutes on one core.
 * Needs MNIST in ../shared/data/mnist beside the repository.
 */
import { LENET5 } from '../src/architectures/trained.ts';
import { trainAndWrite } from './train-and-write.ts';

trainAndWrite(
  LENET5,
  {
    seed: 5,
    epochs: 40,
    batch: 50,
    learningRate: 0.003,
    warmUpSteps: 200,
    weightDecay: 0.01,
    averageDecay: 0.998,
    distortion: { shift: 2, rotation: 0.25, shear: 0.2, logScale: 0.15, elastic: 0.9 },
  },
  'npx tsx packages/zoo/scripts/train-lenet5.ts',
);
