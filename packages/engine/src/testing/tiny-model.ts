/**
 * Minimal ONNX files for engine tests. Written without the onnx package, so that its bugs cannot hide in
 * these tests. Field numbers are from onnx.proto.
 */

/** The model y = x · W, with x [rows, inner] and W [inner, columns]. */
export interface TinyModel {
  readonly inner: number;
  readonly columns: number;
  /** W in row-major order. */
  readonly weights: Float32Array;
  /** Name of the external file with W. Default: W is in the graph. */
  readonly location?: string;
}

const FLOAT = 1;

/** Returns an ONNX file with input `x` (any number of rows) and output `y`. */
export function tinyModel({ inner, columns, weights, location }: TinyModel): Uint8Array {
  const raw = new Uint8Array(weights.buffer, weights.byteOffset, weights.byteLength);
  const tensor = message(
    varint(1, inner),
    varint(1, columns),
    varint(2, FLOAT),
    text(8, 'W'),
    ...(location === undefined
      ? [bytes(9, raw)]
      : [
          bytes(13, message(text(1, 'location'), text(2, location))),
          bytes(13, message(text(1, 'offset'), text(2, '0'))),
          bytes(13, message(text(1, 'length'), text(2, String(raw.byteLength)))),
          varint(14, 1),
        ]),
  );
  const node = message(text(1, 'x'), text(1, 'W'), text(2, 'y'), text(3, 'product'), text(4, 'MatMul'));
  const graph = message(
    bytes(1, node),
    text(2, 'tiny'),
    bytes(5, tensor),
    bytes(11, valueInfo('x', ['rows', inner])),
    bytes(12, valueInfo('y', ['rows', columns])),
  );
  return message(varint(1, 8), bytes(7, graph), bytes(8, message(text(1, ''), varint(2, 17))));
}

/** Returns an ONNX file for y = operator(x), with x of one dimension of any size. @param type  TensorProto.DataType */
export function tinyOperator(opType: string, type: number): Uint8Array {
  const graph = message(
    bytes(1, message(text(1, 'x'), text(2, 'y'), text(3, 'only'), text(4, opType))),
    text(2, 'tiny'),
    bytes(11, valueInfo('x', ['size'], type)),
    bytes(12, valueInfo('y', ['size'], type)),
  );
  return message(varint(1, 8), bytes(7, graph), bytes(8, message(text(1, ''), varint(2, 17))));
}

/** Returns x · W, computed in plain TypeScript. */
export function tinyProduct(model: TinyModel, x: Float32Array): Float32Array {
  const rows = x.length / model.inner;
  const y = new Float32Array(rows * model.columns);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < model.columns; column++) {
      let sum = 0;
      for (let i = 0; i < model.inner; i++) {
        sum += (x[row * model.inner + i] ?? 0) * (model.weights[i * model.columns + column] ?? 0);
      }
      y[row * model.columns + column] = sum;
    }
  }
  return y;
}

function valueInfo(name: string, dims: readonly (string | number)[], type = FLOAT): Uint8Array {
  const shape = message(
    ...dims.map((dim) => bytes(1, message(typeof dim === 'string' ? text(2, dim) : varint(1, dim)))),
  );
  return message(text(1, name), bytes(2, message(bytes(1, message(varint(1, type), bytes(2, shape))))));
}

function message(...fields: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(fields.reduce((size, field) => size + field.byteLength, 0));
  let at = 0;
  for (const field of fields) {
    whole.set(field, at);
    at += field.byteLength;
  }
  return whole;
}

function varint(field: number, value: number): Uint8Array {
  return Uint8Array.from([...base128(field * 8), ...base128(value)]);
}

function bytes(field: number, content: Uint8Array): Uint8Array {
  return message(Uint8Array.from([...base128(field * 8 + 2), ...base128(content.byteLength)]), content);
}

function text(field: number, value: string): Uint8Array {
  return bytes(field, new TextEncoder().encode(value));
}

function base128(value: number): number[] {
  const digits: number[] = [];
  let rest = value;
  while (rest >= 128) {
    digits.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  digits.push(rest);
  return digits;
}
