import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Arrangement, arrange } from './arrange.ts';
import type { ModelProfile } from './profile.ts';
import { type SmallLayer, smallProfile } from './testing/small-profile.ts';

const linear = (name: string, input: string): SmallLayer => ({
  name,
  inputs: [input],
  outputs: [name],
  rows: 8,
});
const other = (name: string, ...inputs: string[]): SmallLayer => ({ name, inputs, outputs: [name] });

function arranged(layers: readonly SmallLayer[], outputs: readonly string[]): string[] {
  const profile = smallProfile(layers, ['x'], outputs);
  const places = arrange(profile, linearNodes(profile));
  checkOrder(profile, places);
  return places.map(
    ({ kind, nodes, feeds, fetches }) =>
      `${feeds}→${kind === 'distributed' ? '*' : ''}${nodes.map((node) => layers[node]!.name)}→${fetches}`,
  );
}

function linearNodes(profile: ModelProfile): Set<number> {
  return new Set(profile.layers.flatMap(({ node, coding }) => (coding ? [node] : [])));
}

/** Every node once, every feed there when it is needed, nothing fetched in vain, every output there at the end. */
function checkOrder(profile: ModelProfile, places: readonly Arrangement[]): void {
  const live = new Set(profile.inputs.map(({ name }) => name));
  const done: number[] = [];
  for (const { nodes, feeds, fetches } of places) {
    for (const feed of feeds) expect(live).toContain(feed);
    expect(feeds.length).toBeGreaterThan(0);
    const inside = new Set(feeds);
    for (const node of nodes) {
      for (const input of profile.layers[node]!.inputs) expect(inside).toContain(input);
      for (const output of profile.layers[node]!.outputs) inside.add(output);
      done.push(node);
    }
    for (const fetch of fetches) {
      expect(inside).toContain(fetch);
      live.add(fetch);
    }
  }
  expect(done.sort((a, b) => a - b)).toEqual(profile.layers.map(({ node }) => node));
  for (const { name } of profile.outputs) expect(live).toContain(name);
}

describe('the order of a graph around its distributed layers', () => {
  it('of a chain is the chain', () => {
    expect(arranged([linear('a', 'x'), other('b', 'a'), linear('c', 'b'), other('d', 'c')], ['d'])).toEqual([
      'x→*a→a',
      'a→b→b',
      'b→*c→c',
      'c→d→d',
    ]);
  });

  it('needs nothing between two linear layers that follow one another', () => {
    expect(arranged([linear('a', 'x'), linear('b', 'a')], ['b'])).toEqual(['x→*a→a', 'a→*b→b']);
  });

  it('defers what no hop waits for: a shortcut is computed with the addition that needs it', () => {
    const layers = [linear('a', 'x'), other('relu', 'a'), other('shortcut', 'x'), linear('b', 'relu')];
    expect(arranged([...layers, other('add', 'b', 'shortcut')], ['add'])).toEqual([
      'x→*a→a',
      'a→relu→relu',
      'relu→*b→b',
      'x,b→shortcut,add→add',
    ]);
  });

  it('runs the branches of a block side by side, with one group between two hops', () => {
    const layers = [
      linear('a1', 'x'),
      other('a2', 'a1'),
      linear('b1', 'x'),
      other('b2', 'b1'),
      linear('b3', 'b2'),
      linear('c1', 'x'),
      other('c2', 'c1'),
      linear('c3', 'c2'),
      other('concat', 'a2', 'b3', 'c3'),
    ];
    expect(arranged(layers, ['concat'])).toEqual([
      'x→*a1→a1',
      'x→*b1→b1',
      'x→*c1→c1',
      'b1,c1→b2,c2→b2,c2',
      'b2→*b3→b3',
      'c2→*c3→c3',
      'a1,b3,c3→a2,concat→concat',
    ]);
  });

  it('passes inputs and hop results straight to the outputs', () => {
    expect(arranged([linear('a', 'x')], ['x', 'a'])).toEqual(['x→*a→a']);
  });

  it('gives nodes that read nothing something to set them going', () => {
    expect(arranged([other('random'), linear('a', 'random')], ['a'])).toEqual([
      'x→random→random',
      'random→*a→a',
    ]);
  });

  it('hands out constants that are outputs', () => {
    expect(arrange(smallProfile([linear('a', 'x')], ['x'], ['a', 'constant']), new Set([0]))[1]).toEqual({
      kind: 'together',
      nodes: [],
      feeds: ['x'],
      fetches: ['constant'],
    });
  });

  it('of any graph has every feed when it is needed, and no more groups than hops can need', () => {
    const randomGraph = fc
      .array(
        fc.record({
          linear: fc.boolean(),
          inputs: fc.array(fc.nat(), { minLength: 1, maxLength: 3 }),
          isOutput: fc.boolean(),
        }),
        { minLength: 1, maxLength: 25 },
      )
      .map((nodes) => {
        const layers = nodes.map(({ linear: isLinear, inputs }, index): SmallLayer => {
          const names = inputs.map((seed) =>
            seed % (index + 1) === 0 ? 'x' : `n${(seed % (index + 1)) - 1}`,
          );
          return isLinear
            ? linear(`n${index}`, names[0]!)
            : { name: `n${index}`, inputs: [...new Set(names)], outputs: [`n${index}`] };
        });
        const outputs = nodes.flatMap(({ isOutput }, index) => (isOutput ? [`n${index}`] : []));
        return smallProfile(layers, ['x'], outputs.length > 0 ? outputs : [`n${nodes.length - 1}`]);
      });
    fc.assert(
      fc.property(randomGraph, (profile) => {
        const distributed = linearNodes(profile);
        const places = arrange(profile, distributed);
        checkOrder(profile, places);
        const groups = places.filter(({ kind }) => kind === 'together').length;
        expect(groups).toBeLessThanOrEqual(longestChain(profile, distributed) + 1);
      }),
      { numRuns: 300 },
    );
  });
});

/** The most distributed layers on one path. */
function longestChain(profile: ModelProfile, distributed: ReadonlySet<number>): number {
  const depth = new Map<string, number>();
  let longest = 0;
  for (const { node, inputs, outputs } of profile.layers) {
    const before = Math.max(0, ...inputs.map((name) => depth.get(name) ?? 0));
    const after = before + (distributed.has(node) ? 1 : 0);
    for (const name of outputs) depth.set(name, after);
    longest = Math.max(longest, after);
  }
  return longest;
}
