import { createHash } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createDecoder, createIntegerDecoder, generatorMatrix } from '@sparewheel/cdc';
import { float16Tensor } from '@sparewheel/runtime/float16-tensor';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { Artifact, Artifacts, BlobRef, CodedStep, Plan, Seat, TilePlan } from '../plan.ts';
import type { ArtifactSink } from '../steps/build.ts';
import { generatorOf } from '../steps/generator-of.ts';

/** Creates a sink that stores each file in a directory under its SHA-256, as a device does. */
export function directorySink(directory: string): ArtifactSink {
  return {
    write: async (chunks): Promise<BlobRef> => {
      const file = Buffer.concat(Array.from(chunks, (chunk) => Buffer.from(chunk)));
      const sha256 = createHash('sha256').update(file).digest('hex');
      const path = join(directory, sha256);
      if (!existsSync(path)) writeFileSync(path, file);
      return { sha256, bytes: file.byteLength };
    },
  };
}

/**
 * Runs a plan in this process, shard by shard, with ONNX Runtime. The coordinator must compute the same
 * results.
 */
export class PlanExecutor {
  private readonly sessions = new Map<string, Promise<InferenceSession>>();

  constructor(
    private readonly plan: Plan,
    private readonly artifacts: Artifacts,
    private readonly directory: string,
  ) {}

  /**
   * Runs one request.
   * @param dead  seats that do not answer
   * @returns the model's outputs by name
   * @throws {Error} all replicas of a step are dead
   */
  async run(
    feeds: Readonly<Record<string, Tensor>>,
    dead: ReadonlySet<Seat> = new Set(),
  ): Promise<Record<string, Tensor>> {
    const live = new Map(Object.entries(feeds));
    for (const step of this.plan.steps) {
      const artifacts = this.artifacts[step.id];
      if (!artifacts) throw new Error(`step ${step.id} has no artifacts`);
      if (step.kind === 'coded') {
        live.set(step.fetch, await this.gather(step, artifacts, live, dead));
        continue;
      }
      if (step.kind === 'local' && step.joins !== undefined) {
        const parts = step.feeds.map((name) => take(live, name));
        live.set(step.fetches[0]!, concatenate(parts, step.joins));
        continue;
      }
      if (step.kind === 'local' && step.adds) {
        live.set(step.fetches[0]!, total(step.feeds.map((name) => take(live, name))));
        continue;
      }
      if (step.feeds.length === 0) throw new Error(`step ${step.id} has no feeds`);
      const artifact = artifacts[0]!;
      if (step.kind === 'replicated' && step.seats.every((seat) => dead.has(seat))) {
        throw new Error(`all replicas of step ${step.id} are dead`);
      }
      const feeds =
        step.kind === 'replicated' && step.tile
          ? new Map([[step.feeds[0]!, rowsOf(take(live, step.feeds[0]!), step.tile)]])
          : live;
      const outputs = await this.compute(artifact, step.feeds, feeds);
      for (const name of step.fetches) live.set(name, outputs[name]!);
    }
    const wanted = this.plan.outputs.map(({ name }) => [name, take(live, name)] as const);
    return Object.fromEntries(wanted);
  }

  async release(): Promise<void> {
    for (const session of this.sessions.values()) await (await session).release();
    this.sessions.clear();
  }

  private async gather(
    step: CodedStep,
    artifacts: readonly Artifact[],
    live: ReadonlyMap<string, Tensor>,
    dead: ReadonlySet<Seat>,
  ): Promise<Tensor> {
    const answers: (Float32Array | Int32Array | undefined)[] = [];
    let dims: readonly number[] = [];
    for (const [shard, artifact] of artifacts.entries()) {
      if (dead.has(step.seats[shard]!)) {
        answers.push(undefined);
        continue;
      }
      if (step.batchable) {
        const output = await this.computeInBatch(step, artifact, take(live, step.feed));
        dims = output.dims;
        answers.push(output.data as Float32Array | Int32Array);
        continue;
      }
      const feeds = step.pieces ? new Map([[step.feed, pieceOf(step, shard, take(live, step.feed))]]) : live;
      const output = (await this.compute(artifact, [step.feed], feeds))[step.fetch]!;
      dims = output.dims;
      answers.push(output.data as Float32Array | Int32Array);
    }
    const generator = generatorOf(step);
    const blocks =
      step.answers === 'int32'
        ? createIntegerDecoder(generator).reconstruct(answers as readonly (Int32Array | undefined)[])
        : createDecoder(generator).reconstruct(answers as readonly (Float32Array | undefined)[]);
    return joinBlocks(step, blocks, dims);
  }

  /** Computes a shard as the second of two requests in one run, as a busy device does. */
  private async computeInBatch(step: CodedStep, artifact: Artifact, feed: Tensor): Promise<Tensor> {
    const data = feed.data as Float32Array;
    const joined = new (data.constructor as Float32ArrayConstructor)(2 * data.length);
    joined.set(data.map((value) => 1 - value));
    joined.set(data, data.length);
    const [rows = 0, ...others] = feed.dims;
    const input = new Tensor(feed.type as 'float32', joined, [2 * rows, ...others]);
    const output = (await this.compute(artifact, [step.feed], new Map([[step.feed, input]])))[step.fetch]!;
    const [outputRows = 0, ...outputOthers] = output.dims;
    const values = (output.data as Float32Array).slice(output.data.length / 2);
    return new Tensor(output.type as 'float32', values, [outputRows / 2, ...outputOthers]);
  }

  private async compute(
    artifact: Artifact,
    names: readonly string[],
    live: ReadonlyMap<string, Tensor>,
  ): Promise<Record<string, Tensor>> {
    const { sha256 } = artifact.graph;
    let session = this.sessions.get(sha256);
    if (!session) {
      session = InferenceSession.create(join(this.directory, sha256), {
        intraOpNumThreads: 1,
        extra: { session: { disable_prepacking: '1' } },
      });
      this.sessions.set(sha256, session);
    }
    const feeds = Object.fromEntries(names.map((name) => [name, feedable(take(live, name))]));
    return (await (await session).run(feeds)) as Record<string, Tensor>;
  }
}

function take(live: ReadonlyMap<string, Tensor>, name: string): Tensor {
  const tensor = live.get(name);
  if (!tensor) throw new Error(`a step reads "${name}" before another step computes it`);
  return tensor;
}

/** ONNX Runtime does not take its own float16 outputs where the platform has Float16Array. */
function feedable(tensor: Tensor): Tensor {
  if (tensor.type !== 'float16') return tensor;
  const { buffer, byteOffset, length } = tensor.data as Uint16Array;
  return float16Tensor(Tensor, new Uint16Array(buffer, byteOffset, length), tensor.dims);
}

/** Returns the piece of the input for one shard: rows of it, or for a parity shard a weighted sum of pieces. */
function pieceOf(step: CodedStep, shard: number, input: Tensor): Tensor {
  const { axis, rows, starts } = step.pieces!;
  const at = axis < 0 ? input.dims.length + axis : axis;
  const product = (part: readonly number[]) => part.reduce((total, dim) => total * dim, 1);
  const outer = product(input.dims.slice(0, at));
  const inner = product(input.dims.slice(at + 1));
  const weights = Array.from({ length: step.dataShards }, (_, j) =>
    shard < step.dataShards
      ? Number(j === shard)
      : generatorMatrix(step.dataShards, step.parityShards).parity[
          (shard - step.dataShards) * step.dataShards + j
        ]!,
  );
  const data = new Float32Array(outer * rows * inner);
  for (let o = 0; o < outer; o++) {
    for (let row = 0; row < rows; row++) {
      for (let i = 0; i < inner; i++) {
        let sum = 0;
        for (const [j, weight] of weights.entries()) {
          const from = starts[j]! + row;
          if (from < 0 || from >= input.dims[at]!) continue;
          sum += weight * (input.data as Float32Array)[(o * input.dims[at]! + from) * inner + i]!;
        }
        data[(o * rows + row) * inner + i] = sum;
      }
    }
  }
  return new Tensor(
    'float32',
    data,
    input.dims.map((dim, i) => (i === at ? rows : dim)),
  );
}

function rowsOf({ data, dims }: Tensor, { axis, input: { from, to } }: TilePlan): Tensor {
  const product = (part: readonly number[]) => part.reduce((total, dim) => total * dim, 1);
  const inner = product(dims.slice(axis + 1));
  const parts = Array.from({ length: product(dims.slice(0, axis)) }, (_, outer) => {
    const start = outer * dims[axis]! * inner;
    return [...(data as Float32Array).subarray(start + from * inner, start + to * inner)];
  });
  return new Tensor('float32', Float32Array.from(parts.flat()), dims.with(axis, to - from));
}

function total(parts: readonly Tensor[]): Tensor {
  const { dims } = parts[0]!;
  const values = (parts[0]!.data as Float32Array).map((_, i) =>
    parts.reduce((sum, { data }) => sum + (data as Float32Array)[i]!, 0),
  );
  return new Tensor('float32', values, dims);
}

function concatenate(parts: readonly Tensor[], axis: number): Tensor {
  const { dims } = parts[0]!;
  const outer = dims.slice(0, axis).reduce((total, dim) => total * dim, 1);
  const values = Array.from({ length: outer }, (_, at) =>
    parts.flatMap(({ data }) => {
      const size = data.length / outer;
      return [...(data as Float32Array).subarray(at * size, (at + 1) * size)];
    }),
  );
  const rows = parts.reduce((sum, part) => sum + part.dims[axis]!, 0);
  return new Tensor('float32', Float32Array.from(values.flat()), dims.with(axis, rows));
}

/** Concatenates the data shards' blocks along the divided axis, without their padding. */
function joinBlocks(
  step: CodedStep,
  shards: readonly (Float32Array | Int32Array)[],
  dims: readonly number[],
): Tensor {
  const axis = step.axis < 0 ? dims.length + step.axis : step.axis;
  const product = (part: readonly number[]) => part.reduce((total, dim) => total * dim, 1);
  const outer = product(dims.slice(0, axis));
  const inner = product(dims.slice(axis + 1));
  const rows = step.blocks.reduce((sum, block) => sum + block.rows, 0);
  const integers = step.answers === 'int32';
  const joined = new (integers ? Int32Array : Float32Array)(outer * rows * inner);
  for (const [shard, { start, rows: own }] of step.blocks.entries()) {
    for (let o = 0; o < outer; o++) {
      const from = o * step.height * inner;
      joined.set(shards[shard]!.subarray(from, from + own * inner), (o * rows + start) * inner);
    }
  }
  return new Tensor(
    integers ? 'int32' : 'float32',
    joined as Float32Array,
    dims.map((dim, i) => (i === axis ? rows : dim)),
  );
}
