import fc from 'fast-check';
import { expect, it } from 'vitest';
import { shareUnchanged } from './structural-sharing.ts';

const json = fc.jsonValue({ maxDepth: 4 });

it('is always equal to the new value, and is the old one itself where nothing changed', () => {
  fc.assert(
    fc.property(json, json, (before, after) => {
      expect(shareUnchanged(before, after)).toEqual(after);
      expect(shareUnchanged(before, structuredClone(before))).toBe(before);
    }),
  );
});

it('keeps the identity of every part that did not change', () => {
  const before = { a: [{ x: 1 }, { x: 2 }], b: { y: 3 } };
  const after = shareUnchanged(before, { a: [{ x: 1 }, { x: 5 }], b: { y: 3 } });
  expect(after.a[0]).toBe(before.a[0]);
  expect(after.a[1]).toEqual({ x: 5 });
  expect(after.b).toBe(before.b);
  expect(before.a[1]).toEqual({ x: 2 });
});

it('notices a key that went and an element that went', () => {
  expect(shareUnchanged({ a: 1, b: 2 } as object, { a: 1 })).toEqual({ a: 1 });
  expect(shareUnchanged([1, 2], [1])).toEqual([1]);
});
