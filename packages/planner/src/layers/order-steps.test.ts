import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ModelProfile } from '../profile.ts';
import { type SmallLayer, smallProfile } from '../testing/small-profile.ts';
import { orderSteps, type StepDraft } from './order-steps.ts';

const linear = (name: string, input: string): SmallLayer => ({
  name,
  inputs: [input],
  outputs: [name],
  rows: 8,
});
const other = (name: string, ...inputs: string[]): SmallLayer => ({ name, inputs, outputs: [name] });

function ordered(layers: readonly SmallLayer[], outputs: readonly string[]): string[] {
  const profile = smallProfile(layers, ['x'], outputs);
  const drafts = orderSteps(profile, linearNodes(profile));
  checkOrder(profile, drafts);
  return drafts.map(
    ({ kind, nodes, feeds, fetches }) =>
      `${feeds}→${kind === 'distributed' ? '*' : ''}${nodes.map((node) => layers[node]!.name)}→${fetches}`,
  );
}

function linearNodes(profile: ModelProfile): Set<number> {
  return new Set(profile.layers.flatMap(({ node, coding }) => (coding ? [node] : [])));
}

/**
 * Checks that every node runs once, after its inputs, and that the steps return every output of the model.
 */
function checkOrder(profile: ModelProfile, drafts: readonly StepDraft[]): void {
  const live = new Set(profile.inputs.map(({ name }) => name));
  const done: number[] = [];
  for (const { nodes, feeds, fetches } of drafts) {
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

describe('orderSteps', () => {
  it('keeps the order of a chain', () => {
    expect(ordered([linear('a', 'x'), other('b', 'a'), linear('c', 'b'), other('d', 'c')], ['d'])).toEqual([
      'x→*a→a',
      'a→b→b',
      'b→*c→c',
      'c→d→d',
    ]);
  });

  it('puts no step between two consecutive linear layers', () => {
    expect(ordered([linear('a', 'x'), linear('b', 'a')], ['b'])).toEqual(['x→*a→a', 'a→*b→b']);
  });

  it('defers a shortcut to the step of the addition that needs it', () => {
    const layers = [linear('a', 'x'), other('relu', 'a'), other('shortcut', 'x'), linear('b', 'relu')];
    expect(ordered([...layers, other('add', 'b', 'shortcut')], ['add'])).toEqual([
      'x→*a→a',
      'a→relu→relu',
      'relu→*b→b',
      'x,b→shortcut,add→add',
    ]);
  });

  it('runs parallel branches with one subgraph between two distributed layers', () => {
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
    expect(ordered(layers, ['concat'])).toEqual([
      'x→*a1→a1',
      'x→*b1→b1',
      'x→*c1→c1',
      'b1,c1→b2,c2→b2,c2',
      'b2→*b3→b3',
      'c2→*c3→c3',
      'a1,b3,c3→a2,concat→concat',
    ]);
  });

  it('returns model inputs and results of distributed layers without a further step', () => {
    expect(ordered([linear('a', 'x')], ['x', 'a'])).toEqual(['x→*a→a']);
  });

  it('adds a feed to nodes that have no input', () => {
    expect(ordered([other('random'), linear('a', 'random')], ['a'])).toEqual([
      'x→random→random',
      'random→*a→a',
    ]);
  });

  it('returns outputs that are constants', () => {
    expect(orderSteps(smallProfile([linear('a', 'x')], ['x'], ['a', 'constant']), new Set([0]))[1]).toEqual({
      kind: 'subgraph',
      nodes: [],
      feeds: ['x'],
      fetches: ['constant'],
    });
  });

  it('gives every random graph a valid order with the fewest subgraphs', () => {
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
        const drafts = orderSteps(profile, distributed);
        checkOrder(profile, drafts);
        const subgraphs = drafts.filter(({ kind }) => kind === 'subgraph').length;
        expect(subgraphs).toBeLessThanOrEqual(longestChain(profile, distributed) + 1);
      }),
      { numRuns: 300 },
    );
  });
});

/** Returns the largest number of distributed layers on one path. */
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
