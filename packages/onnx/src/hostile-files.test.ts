import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { seededRandom } from '@sparewheel/cdc/testing';
import { expect, it } from 'vitest';
import { MalformedModelError, ModelRejectedError } from './errors.ts';
import { readModel } from './reader.ts';
import { skimModel } from './skim.ts';
import { smallModel } from './testing/small-model.ts';
import { validateModel } from './validate.ts';
import { joinChunks, writeModel } from './writer.ts';

const GRAPHS = fileURLToPath(new URL('../../../../shared/data/onnx/', import.meta.url));
/** Mutations per run. A long run: `FUZZ_MUTATIONS=100000 FUZZ_SEED=1 npx vitest run hostile-files`. */
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

/** Returns the skeletons of public files: mutations then hit structure instead of weights. */
function publicFiles(): Uint8Array[] {
  return [GRAPHS, join(GRAPHS, 'node')].flatMap((directory) =>
    readdirSync(directory)
      .filter((file) => file.endsWith('.onnx'))
      .map((file) => skim(readFileSync(join(directory, file)))),
  );
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

function expectReadOrRejected(originals: readonly Uint8Array[]): void {
  const uniform = seededRandom(SEED);
  const random = (below: number) => Math.floor(uniform() * below);
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
  // Fails if the reader rejects everything.
  expect(read).toBeGreaterThan(0);
}

it(`reads or rejects mutations of our own file (${MUTATIONS} mutations, seed ${SEED})`, () => {
  expectReadOrRejected([joinChunks(writeModel(smallModel()))]);
}, 600_000);

it.skipIf(!existsSync(GRAPHS))(
  `reads or rejects mutations of public files (${MUTATIONS} mutations, seed ${SEED})`,
  () => expectReadOrRejected(publicFiles()),
  600_000,
);

it('skims a model: its weights become external data in the file', () => {
  const data = new Float32Array(5000).map((_, i) => i);
  const bytes = new Uint8Array(data.buffer);
  const small = smallModel();
  const large = { name: 'large', dims: [5000], dataType: 1, storage: { kind: 'raw' as const, bytes } };
  const file = joinChunks(writeModel({ ...small, graph: { ...small.graph, initializers: [large] } }));
  const { storage } = readModel(skim(file)).graph.initializers[0]!;
  if (storage.kind !== 'external') throw new Error('the weights are not external');
  expect(storage.location).toBe('weights');
  expect(file.subarray(storage.offset, storage.offset + storage.length!)).toEqual(bytes);
});
