import { invalid, unsupported } from '../errors.ts';
import type { Emitter } from '../tensors/emitter.ts';
import type { Value } from '../tensors/value.ts';
import type { LayerWeights } from './layer-weights.ts';

type Json = Readonly<Record<string, unknown>>;

/** A layer while it is converted: its inputs, its configuration and its weights. */
export class LayerContext {
  private readonly config: Json;

  constructor(
    readonly name: string,
    readonly className: string,
    config: unknown,
    readonly inputs: readonly Value[],
    readonly emitter: Emitter,
    private readonly weights: LayerWeights,
  ) {
    this.config = typeof config === 'object' && config !== null ? (config as Json) : {};
  }

  /** Returns the first input, which has a known rank. */
  get input(): Value {
    const [value] = this.inputs;
    if (!value?.dims) throw invalid(`the layer "${this.name}" has no input of known rank`);
    return value;
  }

  /** @throws {ModelRejectedError} INVALID_GRAPH: the model has no such weight */
  weight(name: string): Value {
    return this.weights.find(this.name, name);
  }

  raw(key: string): unknown {
    return Object.hasOwn(this.config, key) ? this.config[key] : undefined;
  }

  number(key: string, absent: number): number {
    const value = this.raw(key) ?? absent;
    if (typeof value !== 'number' || !Number.isFinite(value)) throw this.wrong(key);
    return value;
  }

  flag(key: string, absent: boolean): boolean {
    const value = this.raw(key) ?? absent;
    if (typeof value !== 'boolean') throw this.wrong(key);
    return value;
  }

  text(key: string, absent: string): string {
    const value = this.raw(key) ?? absent;
    if (typeof value !== 'string') throw this.wrong(key);
    return value;
  }

  /** Returns one integer per axis. A single number stands for all axes. */
  integers(key: string, count: number, absent: number | readonly number[]): number[] {
    const value = this.raw(key) ?? absent;
    const list: unknown[] = Array.isArray(value) ? value : new Array(count).fill(value);
    if (list.length !== count || !list.every((each) => Number.isSafeInteger(each))) throw this.wrong(key);
    return list as number[];
  }

  /** Returns a list of integers of any length up to 16. TensorFlow.js writes null for −1. */
  list(key: string): number[] {
    const raw = this.raw(key);
    const value: unknown = Array.isArray(raw) ? raw.map((each) => each ?? -1) : raw;
    if (!Array.isArray(value) || value.length > 16 || !value.every((each) => Number.isSafeInteger(each))) {
      throw this.wrong(key);
    }
    return value;
  }

  /** Returns pairs of amounts per spatial axis: a number, one number per axis, or pairs. */
  pairs(key: string, count: number, absent: number): [number, number][] {
    const value = this.raw(key) ?? absent;
    const list: unknown[] =
      Array.isArray(value) && (count > 1 || Array.isArray(value[0])) ? value : new Array(count).fill(value);
    const pairs = list.map((each) => (Array.isArray(each) ? each : [each, each]));
    const valid = pairs.every(
      (pair) => pair.length === 2 && pair.every((each) => Number.isSafeInteger(each) && each >= 0),
    );
    if (list.length !== count || !valid) throw this.wrong(key);
    return pairs as [number, number][];
  }

  /** Returns the name of an activation in lower case. Keras writes a name, or an object with a class name. */
  activationName(key = 'activation', absent = 'linear'): string {
    const value = this.raw(key) ?? absent;
    const name =
      typeof value === 'object' && value !== null && 'class_name' in value ? value.class_name : value;
    if (typeof name !== 'string') throw this.wrong(key);
    return name.toLowerCase();
  }

  /** @throws {ModelRejectedError} UNKNOWN_OPERATOR: the channels come first */
  requireChannelsLast(): void {
    const format = this.raw('data_format');
    if (format === 'channels_first')
      throw unsupported(`the data format channels_first of the layer "${this.name}"`);
  }

  wrong(key: string): Error {
    return invalid(`"${key}" of the layer "${this.name}" (${this.className}) is invalid`);
  }
}

/** Converts a layer. */
export type LayerConversion = (layer: LayerContext) => Value;
