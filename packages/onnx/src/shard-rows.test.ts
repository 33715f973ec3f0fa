import { generatorMatrix, partitionHeights } from '@sparewheel/cdc';
import { describe, expect, it } from 'vitest';
import { type ConstantTensor, DATA_TYPE, type TensorStorage } from './model.ts';
import { LayerConstant } from './shard-rows.ts';
import { externalDataFrom, NO_EXTERNAL_DATA, tensorBytes } from './tensor-data.ts';

/** With this row size, a block is larger than one read and not a multiple of it. */
const INNER = 30_011;
const HEIGHTS = [5, 3, 4];
const ROWS = 12;
const partition = partitionHeights(ROWS, HEIGHTS);
const generator = generatorMatrix(3, 2);
const values = Float32Array.from({ length: ROWS * INNER }, (_, i) => Math.sin(i) * 3);
const OFFSET = 64;
const file = new Uint8Array(OFFSET + values.byteLength + 100);
file.set(new Uint8Array(values.buffer), OFFSET);

function constant(storage: TensorStorage, read: string[] = []): LayerConstant {
  const tensor: ConstantTensor = { name: 'w', dims: [ROWS, INNER], dataType: DATA_TYPE.float32, storage };
  const inMemory = externalDataFrom(new Map([['weights', file]]));
  const external: typeof inMemory = {
    read(location, offset, length, into) {
      read.push(`${offset}+${length}`);
      const bytes = inMemory.read(location, offset, length)!;
      // Overwrites the previous piece, as reading a file does.
      into?.set(bytes);
      return into?.subarray(0, bytes.byteLength) ?? bytes.slice();
    },
  };
  const model = { graph: null as never, irVersion: 8n as never, opsetImports: [], functions: [] };
  return new LayerConstant(
    tensor,
    { model: model as never, external },
    { outer: 1, rows: ROWS, inner: INNER },
  );
}

const onFile = { kind: 'external', location: 'weights', offset: OFFSET, length: values.byteLength } as const;
const bytesOf = (storage: TensorStorage) =>
  tensorBytes(
    { name: 'w', dims: [], dataType: DATA_TYPE.float32, storage },
    storage.kind === 'external' ? externalDataFrom(new Map([['weights', file]])) : NO_EXTERNAL_DATA,
  );

describe('the rows of a shard, read from a file', () => {
  it('equal those of a layer in memory, for data and parity shards of any height', () => {
    const inMemory = constant({ kind: 'raw', bytes: new Uint8Array(values.buffer) });
    for (let shard = 0; shard < 5; shard++) {
      for (const height of shard < 3 ? [HEIGHTS[shard]!, 5] : [5]) {
        const expected = bytesOf(inMemory.shard(partition, generator, shard, height));
        const found = bytesOf(constant(onFile).shard(partition, generator, shard, height));
        expect(Buffer.compare(found, expected), `shard ${shard} of height ${height}`).toBe(0);
      }
    }
  });

  it('are read on demand, in pieces of at most 1 MB', () => {
    const read: string[] = [];
    const layer = constant(onFile, read);
    expect(layer.shard(partition, generator, 1, 3)).toEqual({
      ...onFile,
      offset: OFFSET + 5 * INNER * 4,
      length: 3 * INNER * 4,
    });
    expect(read).toEqual([]);
    for (const shard of [1, 3]) {
      const storage = layer.shard(partition, generator, shard, 5);
      expect(read).toEqual([]);
      if (storage.kind !== 'computed') throw new Error(`the storage is ${storage.kind}`);
      const pieces = Array.from(storage.pieces(), (piece) => piece.byteLength);
      expect(pieces.reduce((sum, bytes) => sum + bytes, 0)).toBe(storage.byteLength);
      expect(Math.max(...read.map((range) => Number(range.split('+')[1])))).toBeLessThanOrEqual(2 ** 20);
      read.length = 0;
    }
  });

  it('are rejected with the block that has a non-finite weight', () => {
    const view = new DataView(file.buffer);
    const at = OFFSET + 4 * (partition.blocks[1]!.start * INNER + 70_000);
    const before = view.getFloat32(at, true);
    view.setFloat32(at, Number.NaN, true);
    expect(() => bytesOf(constant(onFile).shard(partition, generator, 3, 5))).toThrow(
      'data shard 1 has the weight NaN',
    );
    view.setFloat32(at, before, true);
  });
});
