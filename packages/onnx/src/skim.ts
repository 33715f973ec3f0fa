import { MalformedModelError, ModelRejectedError } from './errors.ts';
import { WireWriter } from './wire-writer.ts';

/** A file with random access. */
export interface RandomAccess {
  readonly size: number;
  /**
   * Reads exactly `length` bytes from `offset`. The range must be within the file.
   * @param into  output array; default: a new array
   */
  read(offset: number, length: number, into?: Uint8Array<ArrayBuffer>): Uint8Array;
}

/** Tensor data of at least this many bytes stays in the file. */
const LEAVE_IN_FILE = 4096;
/** Size limit of a model without its weights. The largest public graphs have about 10 MB. */
const SKELETON_LIMIT = 256 * 1024 * 1024;
/** Limit of nested messages. A graph in a graph takes three levels. */
const NESTING_LIMIT = 100;
/** Buffer size for small reads. */
const WINDOW = 64 * 1024;

type Kind = 'model' | 'graph' | 'node' | 'attribute' | 'tensor';

/** Messages that may contain tensors: message kind → field → kind of the field's message. */
const CHILDREN: Record<Kind, Readonly<Record<number, Kind>>> = {
  model: { 7: 'graph' },
  graph: { 1: 'node', 5: 'tensor' },
  node: { 5: 'attribute' },
  attribute: { 5: 'tensor', 6: 'graph', 10: 'tensor', 11: 'graph' },
  tensor: {},
};

interface Field {
  readonly field: number;
  readonly wire: number;
  readonly start: number;
  readonly payload: number;
  readonly end: number;
}

/**
 * Reads a model without its weights. Large raw, float and double data become external data that points back
 * into the same file, so that a model of 500 MB needs only the memory of its graph.
 * @param location  name of the file in the external data
 * @returns the skeleton, a ModelProto in chunks
 * @throws {MalformedModelError} not protobuf or truncated
 * @throws {ModelRejectedError} TOO_LARGE: the skeleton exceeds 256 MB
 */
export function skimModel(file: RandomAccess, location: string): Uint8Array[] {
  return new Skimmer(file, location).skim();
}

class Skimmer {
  private window: Uint8Array = new Uint8Array(0);
  private windowStart = 0;
  private kept = 0;

  constructor(
    private readonly file: RandomAccess,
    private readonly location: string,
  ) {}

  skim(): Uint8Array[] {
    const out = new WireWriter();
    this.message(out, 'model', 0, this.file.size, 0);
    return out.finish();
  }

  private message(out: WireWriter, kind: Kind, start: number, end: number, depth: number): void {
    if (depth > NESTING_LIMIT)
      throw new MalformedModelError(start, `messages nested more than ${NESTING_LIMIT} deep`);
    if (kind === 'tensor') {
      this.tensor(out, start, end);
      return;
    }
    for (let at = start; at < end; ) {
      const field = this.field(at, end);
      const child = field.wire === 2 ? CHILDREN[kind][field.field] : undefined;
      if (child && field.end - field.payload >= LEAVE_IN_FILE) {
        out.message(field.field, (message) =>
          this.message(message, child, field.payload, field.end, depth + 1),
        );
      } else {
        this.keep(out, field);
      }
      at = field.end;
    }
  }

  private tensor(out: WireWriter, start: number, end: number): void {
    const fields: Field[] = [];
    for (let at = start; at < end; at = fields.at(-1)!.end) {
      fields.push(this.field(at, end));
      if (fields.length > 65_536) {
        // One field per element. No exporter writes this, but the reader accepts it within its limits.
        this.keepRange(out, start, end);
        return;
      }
    }
    const data = fields.filter((field) => [4, 5, 6, 7, 9, 10, 11].includes(field.field));
    const elements = data[0];
    const leave =
      data.length === 1 &&
      elements !== undefined &&
      elements.wire === 2 &&
      [4, 9, 10].includes(elements.field) &&
      elements.end - elements.payload >= LEAVE_IN_FILE &&
      !fields.some((field) => field.field === 13 || field.field === 14);
    for (const field of fields) if (!(leave && field === elements)) this.keep(out, field);
    if (!leave) return;
    const entry = (key: string, value: string) =>
      out.message(13, (message) => {
        message.string(1, key);
        message.string(2, value);
      });
    entry('location', this.location);
    entry('offset', String(elements.payload));
    entry('length', String(elements.end - elements.payload));
    out.int(14, 1);
  }

  private keep(out: WireWriter, field: Field): void {
    this.keepRange(out, field.start, field.end);
  }

  private keepRange(out: WireWriter, start: number, end: number): void {
    this.kept += end - start;
    if (this.kept > SKELETON_LIMIT) {
      throw new ModelRejectedError(
        'TOO_LARGE',
        `the model has more than ${SKELETON_LIMIT / 2 ** 20} MB without its weights`,
        'export the weights as raw data or as external data',
      );
    }
    out.raw(this.read(start, end - start).slice());
  }

  private field(start: number, end: number): Field {
    const [tag, payload] = this.varint(start, end);
    const wire = tag % 8;
    const field = Math.floor(tag / 8);
    if (field === 0) throw new MalformedModelError(start, `invalid field tag ${tag}`);
    let from = payload;
    let to: number;
    switch (wire) {
      case 0:
        [, to] = this.varint(payload, end);
        break;
      case 1:
        to = payload + 8;
        break;
      case 2: {
        const [length, after] = this.varint(payload, end);
        from = after;
        to = after + length;
        break;
      }
      case 5:
        to = payload + 4;
        break;
      default:
        throw new MalformedModelError(start, `field ${field} has wire type ${wire}, which ONNX does not use`);
    }
    if (to > end) {
      throw new MalformedModelError(
        start,
        `field ${field} declares ${to - from} bytes, but only ${Math.max(0, end - from)} are left`,
      );
    }
    return { field, wire, start, payload: from, end: to };
  }

  /**
   * Reads a varint, inexactly beyond 2⁵³: such lengths are out of range, and such values are copied as bytes.
   */
  private varint(start: number, end: number): [value: number, next: number] {
    let value = 0;
    let scale = 1;
    for (let at = start; at < start + 10; at++) {
      if (at >= end) throw new MalformedModelError(start, 'the bytes end within a number');
      const byte = this.byte(at);
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return [value, at + 1];
      scale *= 128;
    }
    throw new MalformedModelError(start, 'a number has more than ten bytes');
  }

  private byte(at: number): number {
    if (at < this.windowStart || at >= this.windowStart + this.window.byteLength) this.moveWindow(at);
    return this.window[at - this.windowStart]!;
  }

  private read(start: number, length: number): Uint8Array {
    if (length > WINDOW) return this.file.read(start, length);
    if (start < this.windowStart || start + length > this.windowStart + this.window.byteLength) {
      this.moveWindow(start);
    }
    return this.window.subarray(start - this.windowStart, start - this.windowStart + length);
  }

  private moveWindow(start: number): void {
    this.window = this.file.read(start, Math.min(WINDOW, this.file.size - start));
    this.windowStart = start;
  }
}
