import type { NetworkSpec } from '../network-spec.ts';

const MNIST_IMAGE = { channels: 1, height: 28, width: 28 } as const;

/** LeNet-5 [LeCun et al. 1998] with rectifiers and max pooling: 61 706 parameters. */
export const LENET5: NetworkSpec = {
  name: 'lenet5',
  input: MNIST_IMAGE,
  layers: [
    { kind: 'conv', name: 'conv1', channels: 6, kernel: 5, padding: 2 },
    { kind: 'relu' },
    { kind: 'maxPool', kernel: 2, stride: 2, padding: 0 },
    { kind: 'conv', name: 'conv2', channels: 16, kernel: 5, padding: 0 },
    { kind: 'relu' },
    { kind: 'maxPool', kernel: 2, stride: 2, padding: 0 },
    { kind: 'dense', name: 'fc1', units: 120 },
    { kind: 'relu' },
    { kind: 'dense', name: 'fc2', units: 84 },
    { kind: 'relu' },
    { kind: 'dense', name: 'fc3', units: 10 },
  ],
};
