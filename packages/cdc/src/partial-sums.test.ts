import { describe, expect, it } from 'vitest';
import { createDecoder } from './decode.ts';
import { InvalidArgumentError, UndecodablePatternError } from './errors.ts';
import { generatorMatrix } from './generator.ts';
import { failureCoverage, overlappingPartialSums, partialSums } from './partial-sums.ts';

describe('partial sums', () => {
  it('recover any single failure and pairs from different halves, if two sums are disjoint', () => {
    const halves = partialSums(4, [
      [0, 1],
      [2, 3],
    ]);
    expect(failureCoverage(halves, 1)).toMatchObject({ patterns: 6, repaired: 6, share: 1 });
    // Shards 4 and 5 are the sums of 0 + 1 and of 2 + 3.
    expect(failureCoverage(halves, 2)).toMatchObject({
      patterns: 15,
      repaired: 9,
      unrepaired: [
        [0, 1],
        [0, 4],
        [1, 4],
        [2, 3],
        [2, 5],
        [3, 5],
      ],
    });
  });

  it('recover more patterns if they overlap, but not all', () => {
    const overlapping = overlappingPartialSums(4, 2);
    expect([...overlapping.parity]).toEqual([1, 1, 0, 1, 1, 0, 1, 1]);
    const { repaired, patterns, unrepaired } = failureCoverage(overlapping, 2);
    expect([repaired, patterns]).toEqual([12, 15]);
    // Shards 0 and 3 are in both sums, shard 1 only in the first, shard 2 only in the second.
    expect(unrepaired).toEqual([
      [0, 3],
      [1, 4],
      [2, 5],
    ]);
  });

  it('recover every single failure with one sum; the searched generator recovers every pair', () => {
    expect([...overlappingPartialSums(5, 1).parity]).toEqual([1, 1, 1, 1, 1]);
    expect(failureCoverage(generatorMatrix(4, 2), 2).unrepaired).toEqual([]);
    expect(failureCoverage(generatorMatrix(4, 2), 3).repaired).toBe(0);
    expect(failureCoverage(generatorMatrix(2, 1), 4)).toMatchObject({ patterns: 0, share: 1 });
  });

  it('recover exactly the patterns of the coverage', () => {
    const generator = overlappingPartialSums(5, 3);
    const decoder = createDecoder(generator);
    const y = [3, 1, 4, 1, 5].map((value) => Float32Array.of(value, -value));
    const answers = [
      ...y,
      ...Array.from({ length: 3 }, (_, i) => sum(generator.parity.subarray(i * 5, i * 5 + 5), y)),
    ];
    for (const failures of [1, 2, 3]) {
      const lost = failureCoverage(generator, failures).unrepaired.map(String);
      forEachSubset(8, failures, (failed) => {
        const left = answers.map((answer, shard) => (failed.includes(shard) ? undefined : answer));
        if (lost.includes(String(failed)))
          expect(() => decoder.reconstruct(left)).toThrow(UndecodablePatternError);
        else expect(decoder.reconstruct(left)).toEqual(y);
      });
    }
  });

  it('reject shards that do not exist', () => {
    expect(() => partialSums(3, [[0, 3]])).toThrow(InvalidArgumentError);
  });
});

function sum(row: Float64Array, blocks: readonly Float32Array[]): Float32Array {
  return Float32Array.from({ length: 2 }, (_, i) =>
    blocks.reduce((total, block, b) => total + row[b]! * block[i]!, 0),
  );
}

function forEachSubset(n: number, size: number, visit: (subset: number[]) => void): void {
  for (let bits = 0; bits < 1 << n; bits++) {
    const subset = Array.from({ length: n }, (_, i) => i).filter((i) => (bits >> i) & 1);
    if (subset.length === size) visit(subset);
  }
}
