/**
 * A small model with its plan and artifacts: y = relu(x · W), with W split over k data seats and r parity
 * seats.
 */
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { generatorMatrix } from '@sparewheel/cdc';
import type { LiveDeployment } from '@sparewheel/data-plane-client';
import { DATA_TYPE, joinChunks, type Model, type Node, writeModel } from '@sparewheel/onnx';
import type { Artifact, BlobRef } from '@sparewheel/planner';
import { bytesOf } from '@sparewheel/protocol';
import { seededRandom } from '@sparewheel/zoo/random';

export interface LinearModel {
  readonly deployment: LiveDeployment;
  readonly inner: number;
  readonly columns: number;
  /** Returns the output for an input, [1, columns], computed with plain arithmetic. */
  expected(x: Float32Array): Float32Array;
}

/** Writes the blobs of the model to a directory. `k` must divide `columns`. */
export async function linearModel(
  directory: string,
  { name = 'linear', inner = 8, columns = 12, k = 3, r = 1, seed = 1 } = {},
): Promise<LinearModel> {
  const random = seededRandom(seed).uniform;
  const weights = Float32Array.from({ length: inner * columns }, () => random() - 0.5);
  const height = columns / k;
  const { parity: coefficients } = generatorMatrix(k, r);
  const blocks = Array.from({ length: k }, (_, shard) =>
    Float32Array.from(
      { length: inner * height },
      (_unused, at) => weights[Math.floor(at / height) * columns + shard * height + (at % height)]!,
    ),
  );
  const parities = Array.from({ length: r }, (_, parity) =>
    Float32Array.from({ length: inner * height }, (_unused, at) =>
      blocks.reduce((sum, block, shard) => sum + coefficients[parity * k + shard]! * block[at]!, 0),
    ),
  );
  const product = { opType: 'MatMul', inputs: ['x', 'w'], outputs: ['z'] };
  const shards = await Promise.all(
    [...blocks, ...parities].map((block) =>
      artifact(directory, product, [1, inner], [1, height], { dims: [inner, height], data: block }),
    ),
  );
  const relu = { opType: 'Relu', inputs: ['z'], outputs: ['y'] };
  const local = await artifact(directory, relu, [1, columns], [1, columns], null);
  const seats = Array.from({ length: k + r }, (_, seat) => seat);
  const deployment: LiveDeployment = {
    name,
    policy: { waitMs: 'any-k', verify: 'after', deadlineMs: 10_000 },
    seats: seats.map(() => null),
    artifacts: { product: shards, activation: [local] },
    plan: {
      version: 1,
      model: { name: 'linear', sha256: '0'.repeat(64) },
      strategy: 'coded',
      k,
      r,
      inputs: [{ name: 'x', type: 'float32', dims: [1, inner] }],
      outputs: [{ name: 'y', type: 'float32', dims: [1, columns] }],
      steps: [
        {
          kind: 'coded',
          id: 'product',
          layer: 'product',
          node: 0,
          op: 'MatMul',
          feed: 'x',
          fetch: 'z',
          axis: -1,
          blocks: blocks.map((_, shard) => ({ start: shard * height, rows: height })),
          height,
          dataShards: k,
          parityShards: r,
          seats,
          multiplyAdds: inner * columns,
        },
        { kind: 'local', id: 'activation', summary: 'Relu', feeds: ['z'], fetches: ['y'], nodes: [1] },
      ],
      seats: seats.map((seat) => ({
        seat,
        role: seat < k ? ('data' as const) : ('parity' as const),
        weightsBytes: inner * height * 4,
        multiplyAdds: inner * height,
        bytesIn: inner * 4,
        bytesOut: height * 4,
      })),
      decisions: [],
      coverage: 1,
    },
  };
  return {
    deployment,
    inner,
    columns,
    expected: (x) =>
      Float32Array.from({ length: columns }, (_, column) => {
        let sum = 0;
        for (let at = 0; at < inner; at++) sum += x[at]! * weights[at * columns + column]!;
        return Math.max(0, sum);
      }),
  };
}

async function artifact(
  directory: string,
  node: Pick<Node, 'opType' | 'inputs' | 'outputs'>,
  inputDims: readonly number[],
  outputDims: readonly number[],
  constant: { readonly dims: readonly number[]; readonly data: Float32Array } | null,
): Promise<Artifact> {
  const weights = constant === null ? null : await store(directory, bytesOf(constant.data));
  const model: Model = {
    irVersion: 8,
    producer: '',
    opsetImports: [{ domain: '', version: 17 }],
    functions: [],
    graph: {
      name: 'shard',
      nodes: [{ ...node, name: '', domain: '', overload: '', attributes: [] }],
      initializers:
        constant === null
          ? []
          : [
              {
                name: 'w',
                dims: constant.dims,
                dataType: DATA_TYPE.float32,
                storage: { kind: 'external', location: weights!.sha256, offset: 0, length: weights!.bytes },
              },
            ],
      sparseInitializers: [],
      inputs: [
        { name: node.inputs[0]!, type: { kind: 'tensor', dataType: DATA_TYPE.float32, dims: inputDims } },
      ],
      outputs: [
        { name: node.outputs[0]!, type: { kind: 'tensor', dataType: DATA_TYPE.float32, dims: outputDims } },
      ],
      valueInfos: [],
    },
  };
  return { graph: await store(directory, joinChunks(writeModel(model))), weights };
}

async function store(directory: string, bytes: Uint8Array): Promise<BlobRef> {
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  await writeFile(join(directory, sha256), bytes);
  return { sha256, bytes: bytes.byteLength };
}
