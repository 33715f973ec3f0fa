import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { MalformedModelError, ModelRejectedError } from './errors.ts';
import { readModel } from './reader.ts';
import { skimModel } from './skim.ts';
import { smallModel } from './testing/small-model.ts';
import { validateModel } from './validate.ts';
import { joinChunks, writeModel } from './writer.ts';

const GRAPHS = fileURLToPath(new URL('../../../../shared/data/onnx/', import.meta.url));
/** Per run of the tests. The long run is `FUZZ_MUTATIONS=100000 FUZZ_SEED=1 npx vitest run hostile-files`. */
const MUTATIONS = Number(process.env.FUZZ_MUTATIONS ?? 3000);
const SEED = Number(process.env.FUZZ_SEED ?? Date.now() % 2 ** 31);

function fileOf(bytes: Uint8Array) {
  return {
    size: bytes.byteLength,
    read(offset: number, length: number) {
      expect(offset + length).toBeLessThanOrEqual(bytes.byteLength);
      return bytes.subarray(offset, offset + length);
    },
  };
}

function skim(bytes: Uint8Array): Uint8Array {
  return joinChunks(skimModel(fileOf(bytes), 'weights'));
}

/** Skeletons of real files where they are there, so that mutations hit structure rather than weights. */
function seeds(): Uint8Array[] {
  const own = [joinChunks(writeModel(smallModel()))];
  if (!existsSync(GRAPHS)) {
    console.warn(`only our own file is mutated: no public graphs in ${GRAPHS}`);
    return own;
  }
  const files = [GRAPHS, join(GRAPHS, 'node')].flatMap((directory) =>
    readdirSync(directory)
      .filter((file) => file.endsWith('.onnx'))
      .map((file) => join(directory, file)),
  );
  return [...own, ...files.map((path) => skim(readFileSync(path)))];
}

/** mulberry32 */
function randomSource(seed: number): (below: number) => number {
  let state = seed | 0;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

function mutate(original: Uint8Array, random: (below: number) => number): Uint8Array {
  let bytes: Uint8Array = original.slice();
  for (let changes = 1 + random(4); changes > 0 && bytes.length > 0; changes--) {
    const at = random(bytes.length);
    switch (random(6)) {
      case 0:
        bytes[at] = random(256);
        break;
      case 1:
        bytes[at]! ^= 1 << random(8);
        break;
      case 2:
        bytes[at] = [0, 0x7f, 0x80, 0xff][random(4)]!;
        break;
      case 3:
        bytes = bytes.slice(0, at);
        break;
      case 4:
        bytes.copyWithin(random(bytes.length), at, Math.min(bytes.length, at + random(200)));
        break;
      case 5: {
        const inserted = Uint8Array.from({ length: 1 + random(9) }, () => (random(2) ? 0xff : random(256)));
        bytes = joinChunks([bytes.subarray(0, at), inserted, bytes.subarray(at)]);
        break;
      }
    }
  }
  return bytes;
}

it(`refuses or reads mutated files, and nothing else (${MUTATIONS} mutations, seed ${SEED})`, () => {
  const originals = seeds();
  const random = randomSource(SEED);
  let read = 0;
  for (let i = 0; i < MUTATIONS; i++) {
    const bytes = mutate(originals[random(originals.length)]!, random);
    try {
      const model = readModel(skim(bytes));
      validateModel(model);
      readModel(joinChunks(writeModel(model)));
      read++;
    } catch (error) {
      if (error instanceof MalformedModelError || error instanceof ModelRejectedError) continue;
      throw new Error(`mutation ${i} of seed ${SEED}`, { cause: error });
    }
  }
  // A reader that refuses everything would pass otherwise.
  expect(read).toBeGreaterThan(0);
}, 600_000);

it('reads a skimmed model as the whole one, with its weights left in the file', () => {
  const data = new Float32Array(5000).map((_, i) => i);
  const bytes = new Uint8Array(data.buffer);
  const small = smallModel();
  const large = { name: 'large', dims: [5000], dataType: 1, storage: { kind: 'raw' as const, bytes } };
  const file = joinChunks(writeModel({ ...small, graph: { ...small.graph, initializers: [large] } }));
  const { storage } = readModel(skim(file)).graph.initializers[0]!;
  if (storage.kind !== 'external') throw new Error('was not left in the file');
  expect(storage.location).toBe('weights');
  expect(file.subarray(storage.offset, storage.offset + storage.length!)).toEqual(bytes);
});
