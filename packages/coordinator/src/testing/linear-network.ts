import {
  encodeBias,
  encodeWeights,
  generatorMatrix,
  inputPieces,
  parityBiasFactor,
  partitionRows,
} from '@sparewheel/cdc';
import type { Artifact, CodedStep, LocalStep, Plan, ReplicatedStep, Step } from '@sparewheel/planner';
import type { Tensor } from '@sparewheel/protocol';
import { Random } from '@sparewheel/runtime/random';
import type { Kernel } from './memory-fleet.ts';

/** One layer of a synthetic network. Feeds and outputs are float32 batches of row vectors. */
export type SyntheticLayer =
  | { readonly kind: 'coded'; readonly inputs: number; readonly outputs: number }
  /** A convolution along the row with a window of 3 and zero padding, whose input is divided. */
  | { readonly kind: 'convolution'; readonly width: number }
  /** The same convolution in k tiles: tile i runs on seat i, backed up by the last r seats. */
  | { readonly kind: 'tiled'; readonly width: number }
  /** Two linear layers with a leaky ReLU between them, in k slices of the hidden columns on the same seats. */
  | { readonly kind: 'sliced'; readonly width: number; readonly hidden: number }
  | { readonly kind: 'local' | 'replicated' };

export interface SyntheticNetwork {
  readonly plan: Plan;
  readonly artifacts: Readonly<Record<string, readonly Artifact[]>>;
  readonly kernel: Kernel;
  /** Computes the network's output without distribution. */
  reference(input: Tensor): Tensor<'float32'>;
}

export interface SyntheticOptions {
  readonly k: number;
  readonly r: number;
  /** Number of devices per replicated layer. */
  readonly replicas?: number;
  readonly layers: readonly SyntheticLayer[];
  /** Seeds the weights, and makes the artifact hashes of two networks different. */
  readonly seed?: number;
  readonly objective?: Plan['objective'];
}

type Compute = (feeds: readonly Tensor[]) => readonly Tensor[];

/**
 * Builds a chain of linear layers (coded: MatMul with bias, or convolution with divided inputs) and leaky ReLUs (local or replicated) with its plan,
 * artifacts and kernel. Tests run it instead of an ONNX model. Tensors are named t0, t1, …; t0 is the input.
 */
export function syntheticNetwork(options: SyntheticOptions): SyntheticNetwork {
  const { k, r, layers, replicas = 2, seed = 1 } = options;
  const random = randomStream(seed);
  const computes = new Map<string, Compute>();
  const artifacts: Record<string, readonly Artifact[]> = {};
  const steps: Step[] = [];
  const whole: Compute[] = [];
  let files = 0;

  const file = (compute: Compute, bytes: number): Artifact => {
    const sha256 = `${seed.toString(16)}f${(files++).toString(16)}`.padStart(64, '0');
    computes.set(sha256, compute);
    return { graph: { sha256, bytes }, weights: null };
  };

  for (const [index, layer] of layers.entries()) {
    const feed = `t${index}`;
    const fetch = `t${index + 1}`;
    const id = `step${index}`;
    if (layer.kind === 'coded') {
      const weights = Float32Array.from({ length: layer.outputs * layer.inputs }, () => random() - 0.5);
      const bias = Float32Array.from({ length: layer.outputs }, () => random() - 0.5);
      const partition = partitionRows(layer.outputs, k);
      const generator = generatorMatrix(k, r);
      const { height, blocks } = partition;
      const shards: Artifact[] = [];
      for (const { start, rows } of blocks) {
        const w = new Float32Array(height * layer.inputs);
        w.set(weights.subarray(start * layer.inputs, (start + rows) * layer.inputs));
        const b = new Float32Array(height);
        b.set(bias.subarray(start, start + rows));
        shards.push(file(linear(w, b, layer.inputs), w.byteLength));
      }
      for (let parity = 0; parity < r; parity++) {
        const w = encodeWeights(generator, parity, weights, partition, layer.inputs);
        shards.push(
          file(linear(w, encodeBias(generator, parity, bias, partition), layer.inputs), w.byteLength),
        );
      }
      artifacts[id] = shards;
      whole.push(linear(weights, bias, layer.inputs));
      const step: CodedStep = {
        kind: 'coded',
        id,
        layer: id,
        node: index,
        op: 'MatMul',
        feed,
        fetch,
        axis: -1,
        blocks,
        height,
        dataShards: k,
        parityShards: r,
        seats: Array.from({ length: k + r }, (_, shard) => shard),
        multiplyAdds: weights.length,
      };
      steps.push(step);
    } else if (layer.kind === 'convolution') {
      const weights = Float32Array.from({ length: 3 }, () => random() - 0.5);
      const bias = random() - 0.5;
      const generator = generatorMatrix(k, r);
      const { width } = layer;
      const { partition, rows, starts } = inputPieces(
        { inputRows: width, outputRows: width, window: 3, stride: 1, padBefore: 1 },
        k,
      );
      // All data shards are the same file.
      const data = file(convolve(weights, bias), weights.byteLength);
      const parity = Array.from({ length: r }, (_, index) =>
        file(convolve(weights, parityBiasFactor(generator, index) * bias), weights.byteLength),
      );
      artifacts[id] = [...Array.from({ length: k }, () => data), ...parity];
      const padded = convolve(weights, bias);
      whole.push(([x]) => padded([withZeros(x!)]));
      steps.push({
        kind: 'coded',
        id,
        layer: id,
        node: index,
        op: 'Conv',
        split: 'inputs',
        pieces: { axis: 1, inputRows: width, rows, starts },
        feed,
        fetch,
        axis: 1,
        blocks: partition.blocks,
        height: partition.height,
        dataShards: k,
        parityShards: r,
        seats: Array.from({ length: k + r }, (_, shard) => shard),
        multiplyAdds: 3 * width,
      });
    } else if (layer.kind === 'tiled') {
      const weights = Float32Array.from({ length: 3 }, () => random() - 0.5);
      const rows = convolve(weights, random() - 0.5);
      const { width } = layer;
      whole.push(([x]) => rows([withZeros(x!)]));
      const fetches: string[] = [];
      for (let index = 0; index < k; index++) {
        const output = { from: Math.floor((index * width) / k), to: Math.floor(((index + 1) * width) / k) };
        const input = { from: Math.max(0, output.from - 1), to: Math.min(width, output.to + 1) };
        const tile = file(([x]) => rows([withZeros(x!, index === 0, index === k - 1)]), weights.byteLength);
        const name = `${id}-tile-${index}`;
        artifacts[name] = [tile];
        fetches.push(`${fetch}-${index}`);
        steps.push({
          kind: 'replicated',
          id: name,
          summary: 'Conv',
          feeds: [feed],
          fetches: [`${fetch}-${index}`],
          nodes: [],
          seats: [index, ...Array.from({ length: r }, (_, backup) => k + backup)],
          fetchShapes: [{ type: 'float32', dims: [-1, output.to - output.from] }],
          tile: {
            segment: steps.length,
            index,
            tiles: k,
            axis: 1,
            fetch,
            inputRows: width,
            outputRows: width,
            input,
            output,
            shares: [],
          },
        });
      }
      artifacts[id] = [];
      steps.push({
        kind: 'local',
        id,
        summary: 'join',
        feeds: fetches,
        fetches: [fetch],
        nodes: [],
        joins: 1,
      });
    } else if (layer.kind === 'sliced') {
      const { width, hidden } = layer;
      const uniform = (length: number) => Float32Array.from({ length }, () => random() - 0.5);
      const [up, upBias, down] = [uniform(hidden * width), uniform(hidden), uniform(width * hidden)];
      const slice = (from: number, to: number): Compute => {
        const own = Array.from({ length: width }, (_, row) => [
          ...down.subarray(row * hidden + from, row * hidden + to),
        ]);
        const before = linear(up.slice(from * width, to * width), upBias.slice(from, to), width);
        const after = linear(Float32Array.from(own.flat()), new Float32Array(width), to - from);
        return (feeds) => after(leakyRelu(before(feeds)));
      };
      whole.push(slice(0, hidden));
      const fetches: string[] = [];
      for (let index = 0; index < k; index++) {
        const part = { from: Math.floor((index * hidden) / k), to: Math.floor(((index + 1) * hidden) / k) };
        const name = `${id}-slice-${index}`;
        artifacts[name] = [file(slice(part.from, part.to), 2 * width * (part.to - part.from))];
        fetches.push(`${fetch}-${index}`);
        steps.push({
          kind: 'replicated',
          id: name,
          summary: 'MatMul',
          feeds: [feed],
          fetches: [`${fetch}-${index}`],
          nodes: [],
          seats: [index, ...Array.from({ length: r }, (_, backup) => k + backup)],
          fetchShapes: [{ type: 'float32', dims: [-1, width] }],
          slice: { index, slices: k, fetch, units: hidden, part },
        });
      }
      artifacts[id] = [];
      steps.push({
        kind: 'local',
        id,
        summary: 'add',
        feeds: fetches,
        fetches: [fetch],
        nodes: [],
        adds: true,
      });
    } else {
      artifacts[id] = [file(leakyRelu, 64)];
      whole.push(leakyRelu);
      const common = { id, summary: 'LeakyRelu', feeds: [feed], fetches: [fetch], nodes: [index] };
      const seats = Array.from({ length: replicas }, (_, seat) => seat);
      const width = layers.slice(0, index).reduce((last, before) => widthsOf(before)?.outputs ?? last, -1);
      const fetchShapes = [{ type: 'float32', dims: [-1, width] }];
      const step: LocalStep | ReplicatedStep =
        layer.kind === 'local'
          ? { ...common, kind: 'local' }
          : { ...common, kind: 'replicated', seats, fetchShapes };
      steps.push(step);
    }
  }

  const widths = layers.flatMap((layer) => widthsOf(layer) ?? []);
  const seats = Math.max(k + r, layers.some((layer) => layer.kind === 'replicated') ? replicas : 0);
  const plan: Plan = {
    version: 1,
    model: { name: 'synthetic', sha256: seed.toString(16).padStart(64, '0') },
    strategy: 'coded',
    k,
    r,
    inputs: [{ name: 't0', type: 'float32', dims: [-1, widths[0]?.inputs ?? -1] }],
    outputs: [{ name: `t${layers.length}`, type: 'float32', dims: [-1, widths.at(-1)?.outputs ?? -1] }],
    steps,
    seats: Array.from({ length: seats }, (_, seat) => ({
      seat,
      role: seat < k ? ('data' as const) : ('parity' as const),
      weightsBytes: 0,
      multiplyAdds: 0,
      bytesIn: 0,
      bytesOut: 0,
    })),
    decisions: [],
    coverage: r > 0 ? 1 : 0,
    ...(options.objective ? { objective: options.objective } : {}),
  };
  return {
    plan,
    artifacts,
    kernel: (artifact, feeds) => {
      const compute = computes.get(artifact.graph.sha256);
      if (!compute) throw new Error(`no file ${artifact.graph.sha256}`);
      return compute(feeds);
    },
    reference: (input) =>
      whole.reduce<Tensor>((tensor, compute) => compute([tensor])[0]!, input) as Tensor<'float32'>,
  };
}

/** Returns y = x · Wᵀ + b for a batch of rows, accumulated in float64. W is [outputs, inputs]. */
function linear(weights: Float32Array, bias: Float32Array, inputs: number): Compute {
  const outputs = bias.length;
  return ([x]) => {
    const batch = x!.dims[0]!;
    const values = x!.data as Float32Array;
    const data = new Float32Array(batch * outputs);
    for (let n = 0; n < batch; n++) {
      for (let row = 0; row < outputs; row++) {
        let sum = bias[row]!;
        for (let i = 0; i < inputs; i++) sum += weights[row * inputs + i]! * values[n * inputs + i]!;
        data[n * outputs + row] = sum;
      }
    }
    return [{ type: 'float32', dims: [batch, outputs], data }];
  };
}

function widthsOf(layer: SyntheticLayer): { readonly inputs: number; readonly outputs: number } | undefined {
  if (layer.kind === 'coded') return layer;
  return layer.kind === 'convolution' || layer.kind === 'tiled' || layer.kind === 'sliced'
    ? { inputs: layer.width, outputs: layer.width }
    : undefined;
}

/** Convolves each row with a window of 3, without padding. */
function convolve(weights: Float32Array, bias: number): Compute {
  return ([x]) => {
    const [batch, width] = [x!.dims[0]!, x!.dims[1]!];
    const values = x!.data as Float32Array;
    const data = new Float32Array(batch * (width - 2));
    for (let n = 0; n < batch; n++) {
      for (let i = 0; i < width - 2; i++) {
        let sum = bias;
        for (let j = 0; j < 3; j++) sum += weights[j]! * values[n * width + i + j]!;
        data[n * (width - 2) + i] = sum;
      }
    }
    return [{ type: 'float32', dims: [batch, width - 2], data }];
  };
}

/** Adds a zero at both ends of each row, or at one. */
function withZeros({ dims, data }: Tensor, before = true, after = true): Tensor<'float32'> {
  const [batch, width] = [dims[0]!, dims[1]!];
  const length = width + Number(before) + Number(after);
  const padded = new Float32Array(batch * length);
  for (let n = 0; n < batch; n++) {
    padded.set((data as Float32Array).subarray(n * width, (n + 1) * width), n * length + Number(before));
  }
  return { type: 'float32', dims: [batch, length], data: padded };
}

const leakyRelu: Compute = ([x]) => {
  const data = (x!.data as Float32Array).map((value) => (value > 0 ? value : 0.1 * value));
  return [{ type: 'float32', dims: x!.dims, data }];
};

/** Returns a seeded generator of uniform numbers in [0, 1). */
export function randomStream(seed: number): () => number {
  const random = new Random(seed);
  return () => random.next();
}
