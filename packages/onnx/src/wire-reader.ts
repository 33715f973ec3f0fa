import { MalformedModelError } from './errors.ts';

/** The wire types of protobuf, without the deprecated groups. */
const WIRE = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

/**
 * Limit of strings, messages and list elements in one model. An empty message takes two bytes in the file but
 * a hundred or more in memory. The limit keeps hostile files below about 1 GB of memory. The largest public
 * graphs have about 100 000 objects.
 */
const OBJECT_LIMIT = 2_000_000;

/** The remaining objects, shared by the readers of nested messages. */
interface Budget {
  objects: number;
}

const UTF8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Reads protobuf fields from a range of bytes. It checks every length before use, so that it never reads
 * outside the range and never allocates memory for missing bytes.
 */
export class WireReader {
  field = 0;
  wire = 0;
  /** Start of the current field's tag, for errors. */
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

  /** Returns a view of the remaining bytes without advancing. */
  rest(): Uint8Array {
    return this.bytes.subarray(this.position, this.end);
  }

  get done(): boolean {
    return this.position >= this.end;
  }

  /** Advances to the next field. Returns false at the end of the range. */
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

  /** Counts new objects against the limit. */
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

  /** Reads an unsigned integer below 2⁵³. */
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
    // Up to 49 bits are exact in a double. Only longer values, mostly negative ones, need a slow bigint.
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
        `field ${this.field} declares ${length} bytes, but only ${this.end - this.position} are left`,
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
      throw this.malformed(`field ${this.field} has wire type ${this.wire}; expected ${wire}`);
    }
  }

  int64(): bigint {
    this.expect(WIRE.varint);
    return this.varint64();
  }

  /** Reads a signed integer that is exact in a double. */
  integer(): number {
    const value = Number(this.int64());
    if (!Number.isSafeInteger(value)) throw this.malformed(`field ${this.field} is out of range: ${value}`);
    return value;
  }

  float(): number {
    this.expect(WIRE.fixed32);
    return this.view.getFloat32(this.advance(4), true);
  }

  /** Returns a view of the field's bytes. */
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

  /** Appends the values of one field of a repeated integer, packed or not. */
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

  /** Returns the bytes of one field of a repeated float (`size` 4) or double (`size` 8), packed or not. */
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

  /** Skips one field of a repeated integer, packed or not. The result decodes it, given the element size. */
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
  /** Returns new little-endian bytes, `size` per number. Truncates larger values, as protobuf does. */
  decode(size: 1 | 2 | 4 | 8): Uint8Array;
}
