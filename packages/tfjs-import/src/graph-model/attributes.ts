import { invalid, unsupported } from '../errors.ts';
import type { GraphNode } from '../model-json.ts';
import type { TensorType } from '../tensors/value.ts';

/** TensorFlow's data types in model.json, as names or numbers. TensorFlow.js has no 64-bit integers. */
const TYPES: Readonly<Record<string, TensorType>> = {
  DT_FLOAT: 'float32',
  DT_HALF: 'float32',
  DT_INT32: 'int32',
  DT_INT64: 'int32',
  DT_INT8: 'int32',
  DT_UINT8: 'int32',
  DT_BOOL: 'bool',
  1: 'float32',
  19: 'float32',
  3: 'int32',
  9: 'int32',
  6: 'int32',
  4: 'int32',
  10: 'bool',
};

type Json = Readonly<Record<string, unknown>>;

/** Reads the attributes of a node, which are TensorFlow's AttrValue messages in JSON. */
export class Attributes {
  constructor(private readonly node: GraphNode) {}

  has(name: string): boolean {
    return this.raw(name) !== undefined;
  }

  int(name: string, absent: number): number {
    const value = this.raw(name);
    return value?.i === undefined ? absent : this.integer(value.i, name);
  }

  float(name: string, absent: number): number {
    const value = this.raw(name)?.f;
    if (value === undefined) return absent;
    const number = Number(value);
    if (Number.isNaN(number)) throw this.wrong(name);
    return number;
  }

  bool(name: string, absent: boolean): boolean {
    const value = this.raw(name)?.b;
    return value === undefined ? absent : value === true;
  }

  ints(name: string): readonly number[] {
    const list = this.raw(name)?.list;
    const values = isObject(list) ? list.i : undefined;
    if (values === undefined) return [];
    if (!Array.isArray(values) || values.length > 1000) throw this.wrong(name);
    return values.map((value) => this.integer(value, name));
  }

  /** Returns a string in lower case. */
  text(name: string, absent: string): string {
    const value = this.raw(name)?.s;
    return value === undefined ? absent : this.decode(value, name).toLowerCase();
  }

  /** Returns a list of strings in lower case. */
  texts(name: string): readonly string[] {
    const list = this.raw(name)?.list;
    const values = isObject(list) ? list.s : undefined;
    if (values === undefined) return [];
    if (!Array.isArray(values)) throw this.wrong(name);
    return values.map((value) => this.decode(value, name).toLowerCase());
  }

  type(name: string, absent: TensorType): TensorType {
    const value = this.raw(name)?.type;
    return value === undefined ? absent : tensorType(value, this.node.name);
  }

  /** Returns the sizes of a shape, −1 for unknown ones; undefined if the rank is unknown. */
  shape(name: string): readonly number[] | undefined {
    return shapeOf(this.raw(name)?.shape, this.node.name);
  }

  private raw(name: string): Json | undefined {
    const { attr } = this.node;
    const value = attr && Object.hasOwn(attr, name) ? attr[name] : undefined;
    return isObject(value) ? value : undefined;
  }

  private integer(value: unknown, name: string): number {
    const number = typeof value === 'string' || typeof value === 'number' ? Number(value) : Number.NaN;
    if (!Number.isSafeInteger(number)) throw this.wrong(name);
    return number;
  }

  /** Strings are base64 or lists of bytes. */
  private decode(value: unknown, name: string): string {
    if (typeof value === 'string') return Buffer.from(value, 'base64').toString('latin1');
    if (Array.isArray(value) && value.every((byte) => Number.isInteger(byte))) {
      return Buffer.from(value as number[]).toString('latin1');
    }
    throw this.wrong(name);
  }

  private wrong(name: string): Error {
    return invalid(`the attribute "${name}" of node "${this.node.name}" is invalid`);
  }
}

export function tensorType(value: unknown, node: string): TensorType {
  const found = Object.hasOwn(TYPES, String(value)) ? TYPES[String(value)] : undefined;
  if (!found) throw unsupported(`the data type ${String(value).slice(0, 40)} of node "${node}"`);
  return found;
}

export function shapeOf(shape: unknown, node: string): readonly number[] | undefined {
  if (!isObject(shape) || shape.unknownRank === true) return undefined;
  const { dim = [] } = shape;
  if (!Array.isArray(dim) || dim.length > 16) throw invalid(`the shape of node "${node}" is invalid`);
  return dim.map((each: unknown) => {
    const size = isObject(each) ? Number(each.size ?? 0) : Number.NaN;
    if (!Number.isSafeInteger(size) || size < -1 || size > 2 ** 31) {
      throw invalid(`the shape of node "${node}" is invalid`);
    }
    return size;
  });
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
