import {
  encodeBias,
  encodeIntegers,
  encodeWeights,
  generatorMatrix,
  type Partition,
  parityBiasFactor,
} from '@sparewheel/cdc';
import {
  type Artifact,
  type Artifacts,
  type CodedStep,
  generatorOf,
  type LayerProfile,
  type ModelProfile,
  mergesParts,
  type Plan,
  type ReplicatedStep,
  type SlicePlan,
  type TilePlan,
} from '@sparewheel/planner';
import type { Tensor } from '@sparewheel/protocol';
import type { Random } from '@sparewheel/runtime/random';
import {
  columns,
  convolutionKernel,
  integerKernel,
  linearKernel,
  placed,
  quantized,
  wrapped,
  zeroPadded,
} from './synthetic-kernels.ts';

type Feeds = Readonly<Record<string, Tensor>>;
export type Kernel = (feeds: readonly Tensor[]) => readonly Tensor[];

type Node =
  | {
      readonly op: 'Gemm';
      readonly input: string;
      readonly output: string;
      readonly weights: Float32Array;
      readonly bias: Float32Array;
    }
  /** A convolution along the row, zero-padded to keep the width. Its input can be divided, its weights cannot. */
  | {
      readonly op: 'Conv';
      readonly input: string;
      readonly output: string;
      readonly weights: Float32Array;
      readonly bias: number;
    }
  /** Quantizes the values to uint8. */
  | { readonly op: 'Quantize'; readonly input: string; readonly output: string }
  /** A linear layer with integer weights, from uint8 to int32. */
  | {
      readonly op: 'MatMulInteger';
      readonly input: string;
      readonly output: string;
      readonly weights: Int32Array;
      /** The largest magnitude that an output can have. */
      readonly largest: number;
    }
  | { readonly op: 'Wrap'; readonly input: string; readonly output: string }
  | { readonly op: 'AddWrap'; readonly inputs: readonly [string, string]; readonly output: string };

/** The batch of a synthetic network is free up to this size. */
export const LARGEST_BATCH = 12;

/**
 * A weight of an integer layer is an int8 times one of these factors, as if each input occurred so often. Outputs need
 * more than the 24 bits of float32. With the second factor they overflow int32, which only r = 1 recovers.
 */
const REPEATS = [1_021, 65_521] as const;
/** The largest magnitudes of a quantized value minus its zero point, and of int8. */
const LARGEST_PRODUCT = 255 * 128;

/**
 * A synthetic network with exactly known answers. Weights, biases and activations are small integers, so float32
 * products are exact. Every activation rounds, so decoding errors do not accumulate. Some layers have integer weights
 * and int32 outputs. The network has chains, parallel branches and residual connections; tensors are [batch, width],
 * and the batch is free.
 */
export class SyntheticModel {
  readonly profile: ModelProfile;
  readonly #nodes: readonly Node[];
  readonly #kernels = new Map<string, Kernel>();
  readonly #dataShards = new Map<string, number>();
  /** By content: the same content has the same name. */
  readonly #files = new Map<string, Artifact>();

  /** @param id  distinguishes the files of two models of one simulation */
  constructor(
    readonly id: number,
    readonly width: number,
    readonly linearLayers: number,
    random: Random,
  ) {
    const nodes: Node[] = [];
    let made = 0;
    const fresh = () => `t${++made}`;
    // Only convolutions can be computed tile by tile.
    const convolutions = random.pick([0.4, 0.4, 0.95]);
    const linear = (input: string): string => {
      const output = fresh();
      const integers = (count: number, most: number) =>
        Float32Array.from({ length: count }, () => random.whole(-most, most));
      if (random.chance(convolutions)) {
        const weights = integers(random.whole(1, 3), 2);
        nodes.push({ op: 'Conv', input, output, weights, bias: random.whole(-3, 3) });
        return output;
      }
      if (random.chance(0.3)) {
        const repeats = random.pick(REPEATS);
        const weights = Int32Array.from({ length: width * width }, () => repeats * random.whole(-128, 127));
        const bytes = fresh();
        const largest = repeats * width * LARGEST_PRODUCT;
        nodes.push({ op: 'Quantize', input, output: bytes });
        nodes.push({ op: 'MatMulInteger', input: bytes, output, weights, largest });
        return output;
      }
      nodes.push({
        op: 'Gemm',
        input,
        output,
        weights: integers(width * width, 2),
        bias: integers(width, 3),
      });
      return output;
    };
    const wrap = (input: string): string => {
      const output = fresh();
      nodes.push({ op: 'Wrap', input, output });
      return output;
    };
    const add = (a: string, b: string): string => {
      const output = fresh();
      nodes.push({ op: 'AddWrap', inputs: [a, b], output });
      return output;
    };
    let value = 't0';
    for (let left = linearLayers; left > 0; ) {
      const shape = left >= 2 ? random.pick(['chain', 'residual', 'branch'] as const) : 'chain';
      if (shape === 'branch') {
        value = add(wrap(linear(value)), wrap(linear(value)));
        left -= 2;
      } else {
        const out = linear(value);
        left--;
        if (left === 0 && random.chance(0.3)) value = out;
        else value = shape === 'residual' ? add(wrap(out), value) : wrap(out);
      }
    }
    this.#nodes = nodes;
    this.profile = this.#profileOf(nodes, value, random);
  }

  /** What the network gives for an input, computed whole. */
  reference(input: Tensor): Tensor {
    const values = this.#run(this.#nodes.keys(), { t0: input });
    return values.get(this.profile.outputs[0]!.name)!;
  }

  /** @returns undefined for a file of another model */
  kernel(artifact: Artifact): Kernel | undefined {
    return this.#kernels.get(artifact.graph.sha256);
  }

  /** The k of the code that a file is a shard of; null for a subgraph. */
  dataShardsOf(artifact: Artifact): number | null {
    return this.#dataShards.get(artifact.graph.sha256) ?? null;
  }

  /** Makes the files of a plan for this model, parity encoded as in production. */
  artifactsFor(plan: Plan): Artifacts {
    const artifacts: Record<string, readonly Artifact[]> = {};
    for (const step of plan.steps) {
      if (mergesParts(step)) {
        artifacts[step.id] = [];
        continue;
      }
      if (step.kind === 'replicated' && step.slice) {
        artifacts[step.id] = [this.#sliceFile(step, step.slice)];
        continue;
      }
      if (step.kind === 'replicated' && step.tile) {
        artifacts[step.id] = [this.#tileFile(step, step.tile)];
        continue;
      }
      if (step.kind !== 'coded') {
        const { nodes, feeds, fetches } = step;
        const kernel: Kernel = (tensors) => {
          const given = Object.fromEntries(feeds.map((name, i) => [name, tensors[i]!]));
          const values = this.#run(nodes, given);
          return fetches.map((name) => values.get(name)!);
        };
        artifacts[step.id] = [this.#file(`nodes ${nodes.join()} ${fetches.join()}`, kernel, 20_000)];
        continue;
      }
      const node = this.#nodes[step.node] as Extract<Node, { op: 'Gemm' | 'Conv' | 'MatMulInteger' }>;
      if (node.op !== 'Gemm') {
        artifacts[step.id] =
          node.op === 'Conv' ? this.#convolutionShards(step, node) : this.#integerShards(step, node);
        continue;
      }
      const { blocks, height, dataShards: k, parityShards: r } = step;
      const partition: Partition = { rows: this.width, height, blocks };
      const generator = generatorMatrix(k, r);
      const shards: Artifact[] = [];
      for (let shard = 0; shard < k + r; shard++) {
        const key = `shard ${step.node} ${k}+${r} ${shard}`;
        const [weights, bias] =
          shard < k
            ? dataBlock(node, blocks[shard]!, height, this.width)
            : [
                encodeWeights(generator, shard - k, node.weights, partition, this.width),
                encodeBias(generator, shard - k, node.bias, partition),
              ];
        const artifact = this.#file(key, ([x]) => [linearKernel(weights, bias, this.width, x!)], 200_000);
        this.#dataShards.set(artifact.graph.sha256, k);
        shards.push(artifact);
      }
      artifacts[step.id] = shards;
    }
    return artifacts;
  }

  /** Runs the nodes on the tile's rows with zeros around them: rows outside the halo must not count. */
  #tileFile({ nodes, feeds }: ReplicatedStep, { fetch, input, output, index, tiles }: TilePlan): Artifact {
    const kernel: Kernel = ([part]) => {
      const whole = placed(part!, input.from, this.width);
      const result = this.#run(nodes, { [feeds[0]!]: whole }).get(fetch)!;
      return [columns(result, output.from, output.to)];
    };
    return this.#file(`tile ${index} of ${tiles} of ${nodes.join()}`, kernel, 20_000);
  }

  /** Runs a part of the columns of the first product, and the same rows of the second one. Only the first slice adds its bias. */
  #sliceFile({ nodes }: ReplicatedStep, { index, slices, part: { from, to } }: SlicePlan): Artifact {
    const { width } = this;
    const products = nodes.map((node) => this.#nodes[node]!).filter((node) => node.op === 'Gemm');
    const [up, down] = products as [(typeof products)[0], (typeof products)[0]];
    const rows = Array.from({ length: width }, (_, row) => [
      ...down.weights.subarray(row * width + from, row * width + to),
    ]);
    const own = Float32Array.from(rows.flat());
    const bias = index === 0 ? down.bias : new Float32Array(width);
    const kernel: Kernel = ([x]) => {
      const weights = up.weights.subarray(from * width, to * width);
      const inner = wrapped([linearKernel(weights, up.bias.subarray(from, to), width, x!)]);
      return [linearKernel(own, bias, to - from, inner)];
    };
    return this.#file(`slice ${index} of ${slices} of ${nodes.join()}`, kernel, 20_000);
  }

  /** All data shards are one file; a parity shard differs in the factor of its bias. */
  #convolutionShards(step: CodedStep, { weights, bias }: Extract<Node, { op: 'Conv' }>): Artifact[] {
    const { dataShards: k, parityShards: r } = step;
    const generator = generatorMatrix(k, r);
    const shard = (key: string, factor: number) => {
      const kernel: Kernel = ([x]) => [convolutionKernel(weights, factor * bias, x!)];
      const artifact = this.#file(`piece ${step.node} ${k}+${r} ${key}`, kernel, 200_000);
      this.#dataShards.set(artifact.graph.sha256, k);
      return artifact;
    };
    const data = shard('data', 1);
    const parity = Array.from({ length: r }, (_, i) => shard(`parity ${i}`, parityBiasFactor(generator, i)));
    return [...Array.from({ length: k }, () => data), ...parity];
  }

  #integerShards(step: CodedStep, { weights }: Extract<Node, { op: 'MatMulInteger' }>): Artifact[] {
    const { width } = this;
    const { blocks, height, dataShards: k, parityShards: r } = step;
    const data = blocks.map(({ start, rows }) => {
      const block = new Int32Array(height * width);
      block.set(weights.subarray(start * width, (start + rows) * width));
      return block;
    });
    const generator = generatorOf(step);
    const parity = Array.from({ length: r }, (_, i) => encodeIntegers(generator, i, data));
    return [...data, ...parity].map((own, shard) => {
      const kernel: Kernel = ([x]) => [integerKernel(own, width, x!)];
      const artifact = this.#file(`integers ${step.node} ${k}+${r} ${shard}`, kernel, 50_000);
      this.#dataShards.set(artifact.graph.sha256, k);
      return artifact;
    });
  }

  #file(content: string, kernel: Kernel, bytes: number): Artifact {
    let artifact = this.#files.get(content);
    if (!artifact) {
      const name = (what: number) =>
        (this.id * 65_536 + this.#files.size * 2 + what).toString(16).padStart(64, '0');
      artifact = { graph: { sha256: name(0), bytes: 1_000 }, weights: { sha256: name(1), bytes } };
      this.#files.set(content, artifact);
      this.#kernels.set(artifact.graph.sha256, kernel);
    }
    return artifact;
  }

  #run(indices: Iterable<number>, feeds: Feeds): Map<string, Tensor> {
    const values = new Map<string, Tensor>(Object.entries(feeds));
    for (const index of indices) {
      const node = this.#nodes[index]!;
      const result =
        node.op === 'Gemm'
          ? linearKernel(node.weights, node.bias, this.width, values.get(node.input)!)
          : node.op === 'Conv'
            ? convolutionKernel(
                node.weights,
                node.bias,
                zeroPadded(values.get(node.input)!, node.weights.length),
              )
            : node.op === 'Quantize'
              ? quantized(values.get(node.input)!)
              : node.op === 'MatMulInteger'
                ? integerKernel(node.weights, this.width, values.get(node.input)!)
                : node.op === 'Wrap'
                  ? wrapped([values.get(node.input)!])
                  : wrapped(node.inputs.map((name) => values.get(name)!));
      values.set(node.output, result);
    }
    return values;
  }

  #profileOf(nodes: readonly Node[], output: string, random: Random): ModelProfile {
    const { width } = this;
    const typeOf = (name: string) => {
      const op = nodes.find((node) => node.output === name)?.op;
      return op === 'Quantize' ? 'uint8' : op === 'MatMulInteger' ? 'int32' : 'float32';
    };
    const spec = (name: string) => ({ name, type: typeOf(name), dims: [-1, width] }) as const;
    const layers = nodes.map((node, index): LayerProfile => {
      const integers = node.op === 'MatMulInteger' ? { largest: node.largest } : null;
      const linear = node.op === 'Gemm' || node.op === 'MatMulInteger' ? node : null;
      const convolution = node.op === 'Conv' ? node : null;
      const inputs = node.op === 'AddWrap' ? [...new Set(node.inputs)] : [node.input];
      return {
        node: index,
        name: `${node.op.toLowerCase()}${index}`,
        op: node.op,
        inputs,
        outputs: [node.output],
        outputDims: [1, width],
        parameters: linear ? width * (width + 1) : 0,
        weightsBytes: integers ? width * width : linear ? 4 * width * (width + 1) : 0,
        multiplyAdds: linear ? width * width : 0,
        // Some are worth a device of their own under the paper's strategy, and are replicated there.
        timeMs: linear || convolution ? 1 : random.pick([0.01, 0.01, 5]),
        tile: linear
          ? { reason: 'every output depends on the whole row' }
          : [node.output, ...inputs].some((name) => typeOf(name) !== 'float32')
            ? { reason: 'it reads or writes integers' }
            : {
                axis: 1,
                stride: 1,
                reach: convolution?.weights.length ?? 1,
                padBefore: (convolution?.weights.length ?? 1) >> 1,
              },
        notCodable: convolution ? 'only its input can be divided' : null,
        inputSplit: convolution
          ? {
              op: 'Conv',
              node: index,
              feed: convolution.input,
              fetch: convolution.output,
              axis: 1,
              inputRows: width,
              outputRows: width,
              window: convolution.weights.length,
              stride: 1,
              padBefore: convolution.weights.length >> 1,
            }
          : null,
        coding: linear
          ? {
              op: linear.op,
              feed: linear.input,
              fetch: node.output,
              rows: width,
              groups: 1,
              axis: 1,
              bytesPerRow: integers ? width : 4 * width,
              align: 1,
              independentRows: true,
              ...(integers && { integers }),
            }
          : null,
      };
    });
    const names = ['t0', ...nodes.map((node) => node.output)];
    return {
      version: 1,
      model: { name: `model-${this.id}`, sha256: this.id.toString(16).padStart(64, '0') },
      inputs: [{ ...spec('t0'), free: [{ name: 'batch', usual: 1, max: LARGEST_BATCH }, null] }],
      outputs: [spec(output)],
      layers,
      tensors: Object.fromEntries(names.map((name) => [name, { type: typeOf(name), dims: [-1, width] }])),
      parameters: 0,
      weightsBytes: 0,
      multiplyAdds: 0,
      slices: nodes.flatMap((_, last) => runEndingAt(nodes, last, width) ?? []),
    };
  }
}

/** Returns the product, activation and product that end at a node, if nothing else reads the values between them. */
function runEndingAt(nodes: readonly Node[], last: number, units: number): Run | null {
  const end = nodes[last]!;
  if (end.op !== 'Gemm') return null;
  const before = (value: string) => nodes.findIndex(({ output }) => output === value);
  const between = nodes[before(end.input)];
  if (between?.op !== 'Wrap') return null;
  const first = nodes[before(between.input)];
  if (first?.op !== 'Gemm') return null;
  const reads = nodes.flatMap((node) => (node.op === 'AddWrap' ? node.inputs : [node.input]));
  const inner = [first.output, between.output];
  if (inner.some((value) => reads.filter((read) => read === value).length !== 1)) return null;
  const [a, b] = [before(first.output), before(between.output)];
  return { nodes: [a, b, last], first: [a], feeds: [first.input], fetch: end.output, units };
}

type Run = NonNullable<ModelProfile['slices']>[number];

function dataBlock(
  node: { readonly weights: Float32Array; readonly bias: Float32Array },
  block: { readonly start: number; readonly rows: number },
  height: number,
  width: number,
): [weights: Float32Array, bias: Float32Array] {
  const weights = new Float32Array(height * width);
  weights.set(node.weights.subarray(block.start * width, (block.start + block.rows) * width));
  const bias = new Float32Array(height);
  bias.set(node.bias.subarray(block.start, block.start + block.rows));
  return [weights, bias];
}
