import { MalformedModelError, ModelRejectedError } from './errors.ts';
import { WireWriter } from './wire-writer.ts';

/** A file that can be read anywhere. */
export interface RandomAccess {
  readonly size: number;
  /**
   * Exactly `length` bytes from `offset`; the range is within the file.
   * @param into  where to put them; made anew where it is not given
   */
  read(offset: number, length: number, into?: Uint8Array<ArrayBuffer>): Uint8Array;
}

/** Elements of at least this many bytes stay in the file. */
const LEAVE_IN_FILE = 4096;
/** What may be left of a model without its weights. The largest public graphs have some 10 MB. */
const SKELETON_LIMIT = 256 * 1024 * 1024;
/** Messages within messages; a graph within a graph takes three. */
const NESTING_LIMIT = 100;
/** Small reads are served from windows of this size. */
const WINDOW = 64 * 1024;

type Kind = 'model' | 'graph' | 'node' | 'attribute' | 'tensor';

/** Where tensors may stand: message kind → field → kind of the message in it. */
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
 * Reads a model without its weights: large raw, float and double data become external data that points back into the
 * same file. So a model of 500 MB costs as much memory as its graph, and nothing is copied.
 * @param location  what the external data calls the file
 * @returns the skeleton, a ModelProto
 * @throws {MalformedModelError} not protobuf or truncated
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
        // One field per element, as no exporter writes them; the reader can deal with it, within its limits.
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
        `the model has more than ${SKELETON_LIMIT / 2 ** 20} MB besides its weights`,
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
        `field ${field} says it has ${to - from} bytes, but only ${Math.max(0, end - from)} are left`,
      );
    }
    return { field, wire, start, payload: from, end: to };
  }

  /** Numbers beyond 2⁵³ come out inexact; as lengths they are out of range anyway, as values they are copied. */
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
