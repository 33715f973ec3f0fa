/**
 * Makes models/branchnet.onnx again: `npx tsx packages/zoo/scripts/train-branchnet.ts`, about a quarter of an hour
 * on one core. Needs MNIST in ../shared/data/mnist beside the repository.
 */
import { BRANCHNET } from '../src/architectures/trained.ts';
import { trainAndWrite } from './train-and-write.ts';

trainAndWrite(
  BRANCHNET,
  {
    seed: 5,
    epochs: 16,
    batch: 50,
    learningRate: 0.005,
    warmUpSteps: 200,
    weightDecay: 0.01,
    averageDecay: 0.998,
    distortion: { shift: 2, rotation: 0.25, shear: 0.2, logScale: 0.15, elastic: 0.9 },
  },
  'npx tsx packages/zoo/scripts/train-branchnet.ts',
);
