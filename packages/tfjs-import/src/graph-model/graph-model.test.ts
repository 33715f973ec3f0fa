import { describe, expect, it } from 'vitest';
import { convert } from '../testing/compare.ts';
import { attr, constant, floats, graphFiles, ints, node, placeholder } from '../testing/graph.ts';

describe('a graph model', () => {
  const inputs = [placeholder('x0', [2, 3])];

  it.each([
    ['an unknown operator', [node('y', 'FFT', ['x0'])], 'the operator "FFT" (node "y") is not supported'],
    [
      'a loop',
      [node('m', 'Merge', ['x0', 'n']), node('n', 'NextIteration', ['m']), node('y', 'Exit', ['n'])],
      'the operator "Exit" (node "y") is not supported',
    ],
    [
      'a cycle',
      [node('a', 'Relu', ['b']), node('b', 'Relu', ['a']), node('y', 'Neg', ['a'])],
      'the graph has a cycle at "a"',
    ],
    ['a missing node', [node('y', 'Relu', ['gone'])], 'node "y" reads "gone", which does not exist'],
    [
      'a missing output',
      [node('s', 'Relu', ['x0']), node('y', 'Relu', ['s:1'])],
      'node "y" reads "s:1", which does not exist',
    ],
    [
      'two nodes of one name',
      [node('y', 'Relu', ['x0']), node('y', 'Neg', ['x0'])],
      'two nodes have the name "y"',
    ],
    [
      'axes that are computed',
      [node('a', 'Cast', ['x0'], { DstT: attr.type('DT_INT32') }), node('y', 'Sum', ['x0', 'a'])],
      'the axes of "Sum" (node "y") must be constant integers',
    ],
    [
      'shapes that do not fit',
      [constant('c', floats([4], [1, 2, 3, 4])), node('y', 'Add', ['x0', 'c'])],
      'the shapes [2,3] and [4] of node "y" do not fit together',
    ],
    [
      'channels first',
      [
        constant('w', floats([1, 1, 3, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9])),
        node('e', 'Reshape', ['x0', 's']),
        constant('s', ints([4], [1, 3, 2, 1])),
        node('y', 'Conv2D', ['e', 'w'], { padding: attr.s('SAME'), data_format: attr.s('NCHW') }),
      ],
      'the data format "nchw" of "Conv2D" (node "y") is not supported',
    ],
    ['too few inputs', [node('y', 'Add', ['x0'])], 'the operator "Add" (node "y") has only 1 inputs'],
  ])('with %s is rejected in one sentence', (_what, nodes, message) => {
    expect(() => convert(graphFiles({ inputs, nodes }))).toThrow(message);
  });

  it('does not overflow the stack with 50,000 nodes in a row', () => {
    const nodes = Array.from({ length: 50_000 }, (_, i) =>
      node(i === 49_999 ? 'y' : `n${i}`, 'Relu', [i === 0 ? 'x0' : `n${i - 1}`]),
    );
    expect(convert(graphFiles({ inputs, nodes })).graph.nodes).toHaveLength(50_001);
  });

  it('takes names and order of inputs and outputs from the signature', () => {
    const files = graphFiles({
      inputs: [placeholder('b', [1]), placeholder('a', [1])],
      nodes: [node('y', 'Add', ['a', 'b']), node('z', 'Neg', ['y'])],
      signature: {
        inputs: { first: { name: 'a:0' }, second: { name: 'b:0' } },
        outputs: { sum: { name: 'y:0' }, input: { name: 'b:0' } },
      },
    });
    const { graph } = convert(files);
    expect(graph.inputs.map(({ name }) => name)).toEqual(['a', 'b_2']);
    expect(graph.outputs.map(({ name }) => name)).toEqual(['y', 'b']);
    expect(graph.nodes.map(({ opType }) => opType)).toEqual(['Add', 'Identity', 'Identity']);
  });
});
