/** The classification extension: the highest values of an output, as strings. Triton's extension_classification.md */
import { float16Bits, float16Value, type Tensor } from '@sparewheel/protocol';

export interface Classes {
  readonly shape: readonly number[];
  /** `value:index` in row-major order. */
  readonly texts: readonly string[];
}

/**
 * Returns the `count` highest values of a tensor with their indices, highest first. Equal values keep the order of their
 * indices.
 * @param tensor  [classes], or [batch, …]: then for each row, with indices in the flattened row; a scalar has one class
 * @param count   at least 1; at most as many values as there are classes are returned
 */
export function topClasses({ type, dims, data }: Tensor, count: number): Classes {
  const rows = dims.length >= 2 ? dims[0]! : 1;
  const classes = rows === 0 ? 0 : data.length / rows;
  const kept = Math.min(count, classes);
  const texts: string[] = [];
  for (let row = 0; row < rows; row++) {
    const elements = Array.from(
      data.subarray(row * classes, (row + 1) * classes) as Iterable<number | bigint>,
    );
    const values = type === 'float16' ? elements.map((bits) => float16Value(bits as number)) : elements;
    const order = values.map((_, index) => index);
    order.sort((a, b) => (values[a]! < values[b]! ? 1 : values[a]! > values[b]! ? -1 : a - b));
    for (const index of order.slice(0, kept)) texts.push(`${valueText(type, values[index]!)}:${index}`);
  }
  return { shape: dims.length >= 2 ? [rows, kept] : [kept], texts };
}

/** Returns the shortest decimal that is read back as the same value of the type. */
function valueText(type: Tensor['type'], value: number | bigint): string {
  if (typeof value === 'bigint' || (type !== 'float32' && type !== 'float16')) return String(value);
  const rounded = type === 'float32' ? Math.fround : (each: number) => float16Value(float16Bits(each));
  for (let digits = 1; digits < 9; digits++) {
    const text = String(Number(value.toPrecision(digits)));
    if (rounded(Number(text)) === value) return text;
  }
  return String(value);
}
