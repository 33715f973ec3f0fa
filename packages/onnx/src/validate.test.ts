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

describe('a model is refused that', () => {
  const refused = (parts: Partial<Graph>, message: RegExp) => {
    const { graph: good } = smallModel();
    expect(() => validateModel(model({ ...good, ...parts }))).toThrow(message);
  };

  it('has no outputs', () => refused({ outputs: [] }, /no outputs/));
  it('goes round in a circle', () =>
    refused(
      {
        nodes: [node('Add', ['x', 'b1'], ['a1']), node('Relu', ['a1'], ['b1'])],
        outputs: [value('a1', [1])],
      },
      /circle/,
    ));
  it('misses an initializer', () => refused({ initializers: [floats('w', [4, 3])] }, /Gemm "h" needs "b"/));
  it('computes one name twice', () =>
    refused(
      { nodes: [node('Relu', ['x'], ['y']), node('Tanh', ['x'], ['y'])] },
      /two things compute "y".*Tanh/,
    ));
  it('computes the name of an input', () =>
    refused({ nodes: [node('Relu', ['x'], ['x'])] }, /two things compute "x"/));
  it('has two constants of one name', () =>
    refused(
      { initializers: [floats('w', [4, 3]), floats('w', [4, 3]), floats('b', [3])] },
      /two constants.*"w"/,
    ));
  it('has two inputs of one name', () =>
    refused({ inputs: [value('x', [1]), value('x', [1])] }, /two inputs.*"x"/));
  it('has an output that nothing computes', () =>
    refused({ outputs: [value('z', [1])] }, /"z" is computed by nothing/));
  it('has a node without an operator', () => refused({ nodes: [node('', ['x'], ['y'])] }, /which operator/));
  it('has a body that needs what is not there', () =>
    refused(
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
  it('does not name its operator set', () =>
    expect(() => validateModel({ ...smallModel(), opsetImports: [] })).toThrow(/operator set/));
});

describe('a model is accepted', () => {
  it('as it should be', () => expect(() => validateModel(smallModel())).not.toThrow());

  it('with constants that are inputs too, as old files have them', () => {
    const { graph: good } = smallModel();
    expect(() =>
      validateModel(model({ ...good, inputs: [...good.inputs, value('w', [4, 3]), value('b', [3])] })),
    ).not.toThrow();
  });

  it('with bodies that use what is around them, and those names as captures', () => {
    const branch = body({ nodes: [node('Relu', ['h'], ['o'])], outputs: [{ name: 'o' }] });
    const { graph: good } = smallModel();
    const nodes = [node('Gemm', ['x', 'w', 'b'], ['h']), node('If', ['x'], ['y'], [branch])];
    expect(() => validateModel(model({ ...good, nodes }))).not.toThrow();
    expect([...captures(nodes[1]!)]).toEqual(['h']);
  });

  it('with nodes in any order, which is then mended, captures included', () => {
    const branch = body({ nodes: [node('Relu', ['h'], ['o'])], outputs: [{ name: 'o' }] });
    const { graph: good } = smallModel();
    const nodes = [node('If', ['x'], ['y'], [branch]), node('Gemm', ['x', 'w', 'b'], ['h'])];
    expect(topologicalOrder({ ...good, nodes })).toEqual([1, 0]);
  });
});
