import type { LayerSpec, NetworkSpec } from './network-spec.ts';

const MNIST_IMAGE = { channels: 1, height: 28, width: 28 } as const;

/** LeNet-5 [LeCun et al. 1998] with ReLU and max pooling: 61 706 parameters. */
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

function conv(name: string, channels: number, kernel: number): LayerSpec[] {
  return [{ kind: 'conv', name, channels, kernel, padding: (kernel - 1) / 2 }, { kind: 'relu' }];
}

/** Channels of the branches of an Inception block [Szegedy et al. 2015]; `…From`: of the 1 × 1 before. */
interface BlockWidths {
  readonly one: number;
  readonly threeFrom: number;
  readonly three: number;
  readonly fiveFrom: number;
  readonly five: number;
  readonly pool: number;
}

function block(name: string, widths: BlockWidths): LayerSpec {
  return {
    kind: 'branches',
    branches: [
      conv(`${name}.1x1`, widths.one, 1),
      [...conv(`${name}.3x3_reduce`, widths.threeFrom, 1), ...conv(`${name}.3x3`, widths.three, 3)],
      [...conv(`${name}.5x5_reduce`, widths.fiveFrom, 1), ...conv(`${name}.5x5`, widths.five, 5)],
      [{ kind: 'maxPool', kernel: 3, stride: 1, padding: 1 }, ...conv(`${name}.pool_1x1`, widths.pool, 1)],
    ],
  };
}

const HALVE: LayerSpec = { kind: 'maxPool', kernel: 2, stride: 2, padding: 0 };

/** A small Inception network: 19 convolutions, three blocks of four branches, 33 084 parameters. */
export const BRANCHNET: NetworkSpec = {
  name: 'branchnet',
  input: MNIST_IMAGE,
  layers: [
    ...conv('stem', 8, 3),
    HALVE,
    block('block1', { one: 8, threeFrom: 6, three: 12, fiveFrom: 4, five: 6, pool: 6 }),
    HALVE,
    block('block2', { one: 16, threeFrom: 12, three: 24, fiveFrom: 8, five: 12, pool: 12 }),
    HALVE,
    block('block3', { one: 32, threeFrom: 24, three: 48, fiveFrom: 12, five: 24, pool: 24 }),
    { kind: 'globalAveragePool' },
    { kind: 'dense', name: 'fc', units: 10 },
  ],
};
