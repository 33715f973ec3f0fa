import { createRequire } from 'node:module';
import type * as ort from 'onnxruntime-node';

/**
 * One linear operator on ONNX Runtime, for tests. The model's bytes are written here (field numbers from
 * onnx.proto), because this package must not import another.
 */
export interface Operator {
  /** Computes y = operator(x, W, b). */
  run(x: Tensor, weights: Tensor, bias: Tensor): Promise<Float32Array>;
  release(): Promise<void>;
}

export interface Tensor {
  readonly data: Float32Array;
  readonly dims: readonly number[];
}

type Attributes = Readonly<Record<string, number | readonly number[]>>;

/**
 * Opens a session with weights and bias as inputs, so that it runs shards of every size.
 * @param opType  `Conv`, or `Gemm`: x [N, columns] · W + b with W [columns, rows], [rows, columns] if transB
 *          = 1
 */
export async function onnxOperator(opType: 'Gemm' | 'Conv', attributes: Attributes = {}): Promise<Operator> {
  const { InferenceSession, Tensor } = runtime();
  const session = await InferenceSession.create(model(opType, attributes, []), OPTIONS);
  return {
    async run(x, weights, bias) {
      const feeds = Object.fromEntries(
        Object.entries({ x, weights, bias }).map(([name, { data, dims }]) => [
          name,
          new Tensor('float32', data, dims),
        ]),
      );
      return (await session.run(feeds)).y!.data as Float32Array;
    },
    release: () => session.release(),
  };
}

/**
 * Runs an operator with constant weights and bias, as on a device. ONNX Runtime repacks them for its kernels.
 */
export async function runWithConstants(
  opType: 'Gemm' | 'Conv',
  x: Tensor,
  weights: Tensor,
  bias: Tensor,
  attributes: Attributes = {},
): Promise<Float32Array> {
  const { InferenceSession, Tensor } = runtime();
  const constants = [
    ['weights', weights],
    ['bias', bias],
  ] as const;
  const session = await InferenceSession.create(model(opType, attributes, constants), OPTIONS);
  const { y } = await session.run({ x: new Tensor('float32', x.data, x.dims) });
  await session.release();
  return y!.data as Float32Array;
}

const OPTIONS = { intraOpNumThreads: 1, logSeverityLevel: 3 } as const;

/** Loads ONNX Runtime by `require`: Vitest must not transform a CommonJS module with a native binary. */
function runtime(): typeof ort {
  return createRequire(import.meta.url)('onnxruntime-node') as typeof ort;
}

function model(
  opType: string,
  attributes: Attributes,
  constants: readonly (readonly [string, Tensor])[],
): Uint8Array {
  const names = ['x', 'weights', 'bias'];
  const node = [
    ...names.map((name) => text(1, name)),
    text(2, 'y'),
    text(4, opType),
    ...Object.entries(attributes).map(([name, value]) =>
      message(5, [
        text(1, name),
        ...(typeof value === 'number'
          ? [integer(3, value), integer(20, 2)]
          : [...value.map((item) => integer(8, item)), integer(20, 7)]),
      ]),
    ),
  ];
  // Element type float32 without a shape accepts any shape.
  const value = (name: string) => [text(1, name), message(2, [message(1, [integer(1, 1)])])];
  const initializers = constants.map(([name, { data, dims }]) =>
    message(5, [
      ...dims.map((size) => integer(1, size)),
      integer(2, 1),
      text(8, name),
      bytes(9, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)),
    ]),
  );
  const inputs = names.filter((name) => !constants.some(([constant]) => constant === name));
  const graph = [
    message(1, node),
    text(2, opType),
    ...initializers,
    ...inputs.map((name) => message(11, value(name))),
    message(12, value('y')),
  ];
  return Buffer.concat([integer(1, 8), message(7, graph), message(8, [integer(2, 17)])]);
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))];
}

function integer(field: number, value: number): Uint8Array {
  return Uint8Array.from([...varint(field * 8), ...varint(value)]);
}

function bytes(field: number, content: Uint8Array): Uint8Array {
  return Buffer.concat([Uint8Array.from([...varint(field * 8 + 2), ...varint(content.length)]), content]);
}

function message(field: number, parts: readonly Uint8Array[]): Uint8Array {
  return bytes(field, Buffer.concat(parts));
}

function text(field: number, value: string): Uint8Array {
  return bytes(field, new TextEncoder().encode(value));
}
