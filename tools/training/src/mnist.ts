import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

export interface LabeledImages {
  readonly count: number;
  /** [count, 28, 28], one byte per pixel, 0 = paper. */
  readonly pixels: Uint8Array;
  readonly labels: Uint8Array;
}

/** Returns the folder beside the repository with the gzipped IDX files, or null if it does not exist. */
export function mnistFolder(): string | null {
  const repository = join(dirname(fileURLToPath(import.meta.url)), '../../..');
  const folder = join(repository, '../shared/data/mnist');
  return existsSync(folder) ? folder : null;
}

/**
 * Reads 10 000 labeled digits.
 * @throws {Error} a file is missing, or is not an IDX file of 28 × 28 images
 */
export function readMnist(folder: string, part: 'train10k' | 't10k'): LabeledImages {
  const images = readIdx(join(folder, `${part}-images-idx3-ubyte.gz`), 3);
  const labels = readIdx(join(folder, `${part}-labels-idx1-ubyte.gz`), 1);
  const [count, height, width] = images.dims;
  if (count === undefined || count !== labels.dims[0] || height !== 28 || width !== 28) {
    throw new Error(
      `expected n images of 28 × 28 and n labels in ${folder}, found [${images.dims}] and [${labels.dims}]`,
    );
  }
  return { count, pixels: images.values, labels: labels.values };
}

/**
 * Reads an IDX file: two zero bytes, type 8 (unsigned byte), rank, one big-endian uint32 per axis, values.
 */
function readIdx(path: string, rank: number): { dims: number[]; values: Uint8Array } {
  const bytes = gunzipSync(readFileSync(path));
  if (bytes.readUInt16BE(0) !== 0 || bytes[2] !== 8 || bytes[3] !== rank) {
    throw new Error(`${path} is not an IDX file of unsigned bytes with ${rank} dimensions`);
  }
  const dims = Array.from({ length: rank }, (_, axis) => bytes.readUInt32BE(4 + 4 * axis));
  const values = bytes.subarray(4 + 4 * rank);
  const expected = dims.reduce((product, dim) => product * dim, 1);
  if (values.length !== expected) {
    throw new Error(`${path} has ${values.length} values, but its header says ${expected}`);
  }
  return { dims, values };
}
