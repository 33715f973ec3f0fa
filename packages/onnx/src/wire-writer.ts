/** Payloads of at least this many bytes become chunks. Smaller ones are copied into a shared chunk. */
const KEEP_AS_CHUNK = 4096;

const UTF8 = new TextEncoder();

/**
 * Writes one protobuf message as a list of chunks. Large payloads are not copied: the caller's array becomes
 * a chunk. For reproducible bytes, write fields in ascending order.
 */
export class WireWriter {
  private readonly chunks: Uint8Array[] = [];
  private tail = new Uint8Array(256);
  private used = 0;

  /** Returns the message. The writer must not be used afterwards. */
  finish(): Uint8Array[] {
    this.seal();
    return this.chunks;
  }

  private seal(): void {
    if (this.used === 0) return;
    this.chunks.push(this.tail.subarray(0, this.used));
    this.tail = new Uint8Array(256);
    this.used = 0;
  }

  private reserve(count: number): void {
    if (this.used + count <= this.tail.byteLength) return;
    const grown = new Uint8Array(Math.max(this.tail.byteLength * 2, this.used + count));
    grown.set(this.tail.subarray(0, this.used));
    this.tail = grown;
  }

  private append(payload: Uint8Array): void {
    if (payload.byteLength >= KEEP_AS_CHUNK) {
      this.seal();
      this.chunks.push(payload);
      return;
    }
    this.reserve(payload.byteLength);
    this.tail.set(payload, this.used);
    this.used += payload.byteLength;
  }

  private varint(value: number): void {
    this.reserve(10);
    while (value >= 0x80) {
      this.tail[this.used++] = (value % 128) | 0x80;
      value = Math.floor(value / 128);
    }
    this.tail[this.used++] = value;
  }

  private varint64(value: bigint): void {
    if (value >= 0n && value <= 0xffffffffn) {
      this.varint(Number(value));
      return;
    }
    this.reserve(10);
    let rest = BigInt.asUintN(64, value);
    while (rest >= 0x80n) {
      this.tail[this.used++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    this.tail[this.used++] = Number(rest);
  }

  private tag(field: number, wire: number): void {
    this.varint(field * 8 + wire);
  }

  int(field: number, value: bigint | number): void {
    this.tag(field, 0);
    this.varint64(BigInt(value));
  }

  float(field: number, value: number): void {
    this.tag(field, 5);
    this.reserve(4);
    new DataView(this.tail.buffer).setFloat32(this.used, value, true);
    this.used += 4;
  }

  bytes(field: number, payload: Uint8Array): void {
    this.tag(field, 2);
    this.varint(payload.byteLength);
    this.append(payload);
  }

  /** Appends encoded fields, including their tags. */
  raw(fields: Uint8Array): void {
    this.append(fields);
  }

  /** Writes one field from several consecutive pieces. */
  bytesFrom(field: number, pieces: readonly Uint8Array[]): void {
    let length = 0;
    for (const piece of pieces) length += piece.byteLength;
    this.tag(field, 2);
    this.varint(length);
    for (const piece of pieces) this.append(piece);
  }

  string(field: number, value: string): void {
    this.bytes(field, UTF8.encode(value));
  }

  message(field: number, write: (message: WireWriter) => void): void {
    const message = new WireWriter();
    write(message);
    this.bytesFrom(field, message.finish());
  }

  packedInts(field: number, values: Iterable<bigint | number>): void {
    const packed = new WireWriter();
    for (const value of values) packed.varint64(BigInt(value));
    this.bytesFrom(field, packed.finish());
  }

  packedFloats(field: number, values: readonly number[]): void {
    const packed = new Uint8Array(values.length * 4);
    const view = new DataView(packed.buffer);
    for (const [i, value] of values.entries()) view.setFloat32(i * 4, value, true);
    this.bytes(field, packed);
  }
}
