/**
 * SHA-256 [FIPS 180-4] in plain TypeScript, for pages that a browser calls insecure (http and not this machine): there
 * it withholds crypto.subtle, which is ten times as fast.
 * @returns 64 lower-case hexadecimal digits
 */
export function sha256(data: Uint8Array): string {
  const state = Uint32Array.from(INITIAL);
  const schedule = new Uint32Array(64);
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const whole = data.byteLength - (data.byteLength % BLOCK_BYTES);
  for (let at = 0; at < whole; at += BLOCK_BYTES) compress(state, schedule, view, at);

  const tail = data.subarray(whole);
  // A one bit, zeros, and the length in bits as a 64-bit number: one block more, or two.
  const last = new Uint8Array(tail.byteLength + 9 <= BLOCK_BYTES ? BLOCK_BYTES : 2 * BLOCK_BYTES);
  last.set(tail);
  last[tail.byteLength] = 0x80;
  const lastView = new DataView(last.buffer);
  lastView.setBigUint64(last.byteLength - 8, BigInt(data.byteLength) * 8n);
  for (let at = 0; at < last.byteLength; at += BLOCK_BYTES) compress(state, schedule, lastView, at);
  return Array.from(state, (word) => word.toString(16).padStart(8, '0')).join('');
}

const BLOCK_BYTES = 64;

/** The first 32 bits of the fractional parts of the square (power 2) or cube (3) roots of the first primes. */
function rootsOfPrimes(count: number, power: 2 | 3): Uint32Array {
  const words = new Uint32Array(count);
  const root = power === 2 ? Math.sqrt : Math.cbrt;
  for (let candidate = 2, found = 0; found < count; candidate++) {
    let prime = true;
    for (let divisor = 2; divisor * divisor <= candidate; divisor++) prime &&= candidate % divisor !== 0;
    if (prime) words[found++] = (root(candidate) % 1) * 2 ** 32;
  }
  return words;
}

const INITIAL = rootsOfPrimes(8, 2);
const ROUND = rootsOfPrimes(64, 3);

function compress(state: Uint32Array, schedule: Uint32Array, block: DataView, start: number): void {
  for (let i = 0; i < 16; i++) schedule[i] = block.getUint32(start + 4 * i);
  for (let i = 16; i < 64; i++) {
    const w15 = schedule[i - 15]!;
    const w2 = schedule[i - 2]!;
    const s0 = rotate(w15, 7) ^ rotate(w15, 18) ^ (w15 >>> 3);
    const s1 = rotate(w2, 17) ^ rotate(w2, 19) ^ (w2 >>> 10);
    schedule[i] = schedule[i - 16]! + s0 + schedule[i - 7]! + s1;
  }
  let a = state[0]!;
  let b = state[1]!;
  let c = state[2]!;
  let d = state[3]!;
  let e = state[4]!;
  let f = state[5]!;
  let g = state[6]!;
  let h = state[7]!;
  for (let i = 0; i < 64; i++) {
    const s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
    const first = (h + s1 + ((e & f) ^ (~e & g)) + ROUND[i]! + schedule[i]!) | 0;
    const s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
    const second = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + first) | 0;
    d = c;
    c = b;
    b = a;
    a = (first + second) | 0;
  }
  for (const [i, word] of [a, b, c, d, e, f, g, h].entries()) state[i] = state[i]! + word;
}

function rotate(word: number, by: number): number {
  return (word >>> by) | (word << (32 - by));
}
