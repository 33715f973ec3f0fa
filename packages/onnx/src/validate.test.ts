import { describe, expect, it } from 'vitest';
import type { Attribute, Graph } from './model.ts';
import { floats, graph, model, node, smallModel, value } from './testing/small-model.ts';
import { captures, topologicalOrder } from './topology.ts';
import { validateModel } from './validate.ts';

const body = (parts: Partial<Graph>): Attribute => ({
  name: 'then_branch',
  kind: 'graph',
  value: graph(parts),
});

describe('a model is rejected if it', () => {
  const rejects = (parts: Partial<Graph>, message: RegExp) => {
    const { graph: good } = smallModel();
    expect(() => validateModel(model({ ...good, ...parts }))).toThrow(message);
  };

  it('has no outputs', () => rejects({ outputs: [] }, /no outputs/));
  it('has a cycle', () =>
    rejects(
      {
        nodes: [node('Add', ['x', 'b1'], ['a1']), node('Relu', ['a1'], ['b1'])],
        outputs: [value('a1', [1])],
      },
      /cycle/,
    ));
  it('misses an initializer', () => rejects({ initializers: [floats('w', [4, 3])] }, /Gemm "h" reads "b"/));
  it('computes one name twice', () =>
    rejects(
      { nodes: [node('Relu', ['x'], ['y']), node('Tanh', ['x'], ['y'])] },
      /"y" is defined twice.*Tanh/,
    ));
  it('computes the name of an input', () =>
    rejects({ nodes: [node('Relu', ['x'], ['x'])] }, /"x" is defined twice/));
  it('has two constants of one name', () =>
    rejects(
      { initializers: [floats('w', [4, 3]), floats('w', [4, 3]), floats('b', [3])] },
      /two constants.*"w"/,
    ));
  it('has two inputs of one name', () =>
    rejects({ inputs: [value('x', [1]), value('x', [1])] }, /two inputs.*"x"/));
  it('has an output that no node computes', () =>
    rejects({ outputs: [value('z', [1])] }, /no node computes the output "z"/));
  it('has a node without an operator type', () =>
    rejects({ nodes: [node('', ['x'], ['y'])] }, /no operator type/));
  it('has a subgraph that reads an undefined name', () =>
    rejects(
      {
        nodes: [
          node(
            'If',
            ['x'],
            ['y'],
            [body({ nodes: [node('Relu', ['lost'], ['o'])], outputs: [{ name: 'o' }] })],
          ),
        ],
      },
      /"lost"/,
    ));
  it('does not declare its operator set', () =>
    expect(() => validateModel({ ...smallModel(), opsetImports: [] })).toThrow(/operator set/));
});

describe('a model is accepted', () => {
  it('if it is valid', () => expect(() => validateModel(smallModel())).not.toThrow());

  it('with constants that old files list as inputs', () => {
    const { graph: good } = smallModel();
    expect(() =>
      validateModel(model({ ...good, inputs: [...good.inputs, value('w', [4, 3]), value('b', [3])] })),
    ).not.toThrow();
  });

  it('with subgraphs that capture outer names', () => {
    const branch = body({ nodes: [node('Relu', ['h'], ['o'])], outputs: [{ name: 'o' }] });
    const { graph: good } = smallModel();
    const nodes = [node('Gemm', ['x', 'w', 'b'], ['h']), node('If', ['x'], ['y'], [branch])];
    expect(() => validateModel(model({ ...good, nodes }))).not.toThrow();
    expect([...captures(nodes[1]!)]).toEqual(['h']);
  });

  it('with nodes in any order, which sorting repairs, captures included', () => {
    const branch = body({ nodes: [node('Relu', ['h'], ['o'])], outputs: [{ name: 'o' }] });
    const { graph: good } = smallModel();
    const nodes = [node('If', ['x'], ['y'], [branch]), node('Gemm', ['x', 'w', 'b'], ['h'])];
    expect(topologicalOrder({ ...good, nodes })).toEqual([1, 0]);
  });
});
