import { MalformedModelError } from './errors.ts';

/** The four wire types of protobuf that are still in use. */
export const WIRE = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

/**
 * Strings, messages and list elements that one model may have. An empty message takes two bytes in the file and a
 * hundred or more in memory; with the limit, a hostile file of any size stays below about 1 GB. The largest public
 * graphs have some 100 000.
 */
const OBJECT_LIMIT = 2_000_000;

/** What is left to spend; shared by a reader and all readers of messages within it. */
interface Budget {
  objects: number;
}

const UTF8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Reads protobuf fields from a range of bytes. Every length is checked against the range before it is used, so that
 * nothing outside it is ever read and nothing is allocated for bytes that are not there.
 */
export class WireReader {
  field = 0;
  wire = 0;
  /** Where the current field's tag began; errors name it. */
  private fieldStart: number;
  private readonly view: DataView;

  constructor(
    readonly bytes: Uint8Array,
    private position = 0,
    private readonly end = bytes.byteLength,
    private readonly budget: Budget = { objects: OBJECT_LIMIT },
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.fieldStart = position;
  }

  get offset(): number {
    return this.position;
  }

  /** A view on what is left of the range; does not move. */
  rest(): Uint8Array {
    return this.bytes.subarray(this.position, this.end);
  }

  get done(): boolean {
    return this.position >= this.end;
  }

  /** Moves to the next field; false at the end of the range. */
  next(): boolean {
    if (this.done) return false;
    this.fieldStart = this.position;
    const tag = this.varint();
    this.field = Math.floor(tag / 8);
    this.wire = tag % 8;
    if (this.field === 0 || tag > 0xffffffff) throw this.malformed(`invalid field tag ${tag}`);
    return true;
  }

  malformed(problem: string): MalformedModelError {
    return new MalformedModelError(this.fieldStart, problem);
  }

  /** Counts objects that are about to be made against the model's limit. */
  spend(objects: number): void {
    this.budget.objects -= objects;
    if (this.budget.objects < 0) {
      throw this.malformed(`more than ${OBJECT_LIMIT} strings, messages and list elements`);
    }
  }

  skip(): void {
    switch (this.wire) {
      case WIRE.varint:
        this.varint64();
        return;
      case WIRE.fixed64:
        this.advance(8);
        return;
      case WIRE.bytes:
        this.advance(this.length());
        return;
      case WIRE.fixed32:
        this.advance(4);
        return;
      default:
        throw this.malformed(`field ${this.field} has wire type ${this.wire}, which ONNX does not use`);
    }
  }

  /** An unsigned whole number below 2⁵³. */
  private varint(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 10; i++) {
      if (this.position >= this.end) throw this.malformed('the bytes end within a number');
      const byte = this.bytes[this.position++]!;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (value > Number.MAX_SAFE_INTEGER) throw this.malformed('a number is too large');
        return value;
      }
      scale *= 128;
    }
    throw this.malformed('a number has more than ten bytes');
  }

  private varint64(): bigint {
    let low = 0;
    let scale = 1;
    // 49 bits fit a double exactly; only what is longer (negative numbers, mostly) needs a bigint.
    for (let i = 0; i < 7; i++) {
      if (this.position >= this.end) throw this.malformed('the bytes end within a number');
      const byte = this.bytes[this.position++]!;
      low += (byte & 0x7f) * scale;
      if (byte < 0x80) return BigInt(low);
      scale *= 128;
    }
    let value = BigInt(low);
    for (let shift = 49n; shift < 70n; shift += 7n) {
      if (this.position >= this.end) throw this.malformed('the bytes end within a number');
      const byte = this.bytes[this.position++]!;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asIntN(64, value);
    }
    throw this.malformed('a number has more than ten bytes');
  }

  private length(): number {
    const length = this.varint();
    if (length > this.end - this.position) {
      throw this.malformed(
        `field ${this.field} says it has ${length} bytes, but only ${this.end - this.position} are left`,
      );
    }
    return length;
  }

  private advance(count: number): number {
    if (count > this.end - this.position) throw this.malformed('the bytes end within a field');
    const start = this.position;
    this.position += count;
    return start;
  }

  private expect(wire: number): void {
    if (this.wire !== wire) {
      throw this.malformed(`field ${this.field} has wire type ${this.wire} where ${wire} is expected`);
    }
  }

  int64(): bigint {
    this.expect(WIRE.varint);
    return this.varint64();
  }

  /** A signed whole number that must be exact in a double. */
  integer(): number {
    const value = Number(this.int64());
    if (!Number.isSafeInteger(value)) throw this.malformed(`field ${this.field} is out of range: ${value}`);
    return value;
  }

  float(): number {
    this.expect(WIRE.fixed32);
    return this.view.getFloat32(this.advance(4), true);
  }

  /** A view on the field's bytes. */
  bytesField(): Uint8Array {
    this.expect(WIRE.bytes);
    const length = this.length();
    const start = this.advance(length);
    return this.bytes.subarray(start, start + length);
  }

  string(): string {
    const at = this.bytesField();
    this.spend(1);
    try {
      return UTF8.decode(at);
    } catch {
      throw this.malformed(`field ${this.field} is not valid UTF-8`);
    }
  }

  message(): WireReader {
    this.expect(WIRE.bytes);
    this.spend(1);
    const length = this.length();
    const start = this.advance(length);
    return new WireReader(this.bytes, start, start + length, this.budget);
  }

  /** Appends one field's worth of a repeated whole number, packed or not. */
  int64s(into: bigint[]): void {
    if (this.wire === WIRE.varint) {
      this.spend(1);
      into.push(this.varint64());
      return;
    }
    this.expect(WIRE.bytes);
    const length = this.length();
    const packed = new WireReader(this.bytes, this.position, this.position + length, this.budget);
    packed.fieldStart = this.fieldStart;
    this.position += length;
    while (!packed.done) {
      this.spend(1);
      into.push(packed.varint64());
    }
  }

  /** The bytes of one field's worth of a repeated float (`size` 4) or double (`size` 8), packed or not. */
  fixed(size: 4 | 8): Uint8Array {
    const single = size === 4 ? WIRE.fixed32 : WIRE.fixed64;
    if (this.wire === single) {
      this.spend(1);
      const start = this.advance(size);
      return this.bytes.subarray(start, start + size);
    }
    const packed = this.bytesField();
    if (packed.byteLength % size !== 0) {
      throw this.malformed(`field ${this.field} has ${packed.byteLength} bytes, not a multiple of ${size}`);
    }
    return packed;
  }

  /** One field's worth of a repeated whole number, packed or not, to be decoded when its element type is known. */
  varints(): VarintList {
    let start = this.position;
    if (this.wire === WIRE.varint) {
      this.spend(1);
      this.varint64();
    } else {
      this.expect(WIRE.bytes);
      const length = this.length();
      start = this.advance(length);
    }
    const end = this.position;
    const { fieldStart } = this;
    return {
      decode: (size) => {
        const numbers = new WireReader(this.bytes, start, end, this.budget);
        numbers.fieldStart = fieldStart;
        return numbers.decodeVarints(size);
      },
    };
  }

  private decodeVarints(size: 1 | 2 | 4 | 8): Uint8Array {
    let count = 0;
    for (let at = this.position; at < this.end; at++) if (this.bytes[at]! < 0x80) count++;
    const out = new Uint8Array(count * size);
    const view = new DataView(out.buffer);
    for (let at = 0; !this.done; at += size) {
      const value = this.varint64();
      if (size === 8) view.setBigInt64(at, value, true);
      else if (size === 4) view.setInt32(at, Number(BigInt.asIntN(32, value)), true);
      else if (size === 2) view.setInt16(at, Number(BigInt.asIntN(16, value)), true);
      else view.setInt8(at, Number(BigInt.asIntN(8, value)));
    }
    return out;
  }
}

export interface VarintList {
  /** New little-endian bytes, `size` per number; what does not fit is cut off, as protobuf does. */
  decode(size: 1 | 2 | 4 | 8): Uint8Array;
}
