import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { type Attribute, DATA_TYPE, joinChunks, type Node, writeModel } from '@sparewheel/onnx';
import { floats, graph, model, node, smallModel, value } from '@sparewheel/onnx/testing';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { importFolder, readCanonical } from './testing/import-folder.ts';

const { path: inFolder, convert, convertModel, rejection } = importFolder();

describe('the canonical form', () => {
  it('has folded constants, no Identity, named nodes and the shape of every tensor', async () => {
    const source = model({
      nodes: [
        node('Identity', ['x'], ['same']),
        node('Add', ['w', 'w'], ['doubled']),
        node('MatMul', ['same', 'doubled'], ['h']),
        node('Relu', ['h'], ['y']),
      ],
      initializers: [floats('w', [4, 3])],
      inputs: [value('x', [2, 4])],
      outputs: [value('y', [2, 3])],
    });
    const { graph: file, weights, nodeMs } = await convertModel(source);
    const { graph: found } = readCanonical(file.path);
    expect(found.nodes.map(({ opType }) => opType)).toEqual(['MatMul', 'Relu']);
    expect(new Set(found.nodes.map(({ name }) => name)).size).toBe(2);
    expect(found.valueInfos).toEqual([value('h', [2, 3])]);
    expect(Object.keys(nodeMs)).toEqual(expect.arrayContaining(found.nodes.map(({ name }) => name)));
    // 48 bytes of weights stay in the graph.
    expect(weights).toBeNull();
    expect(readdirSync(inFolder('scratch'))).toEqual([]);
  });

  it('names its files by their hashes and refers to the weights by hash', async () => {
    const source = model({
      nodes: [node('MatMul', ['x', 'w'], ['y'])],
      initializers: [floats('w', [40, 30])],
      inputs: [value('x', [1, 40])],
      outputs: [value('y', [1, 30])],
    });
    const { graph: file, weights } = await convertModel(source);
    for (const { path, sha256 } of [file, weights!]) {
      expect(path.endsWith(sha256)).toBe(true);
      expect(createHash('sha256').update(readFileSync(path)).digest('hex')).toBe(sha256);
    }
    const again = await convertModel(source);
    expect(again.graph).toEqual(file);
    const session = await InferenceSession.create(file.path);
    const x = new Tensor('float32', new Float32Array(40).fill(1), [1, 40]);
    expect((await session.run({ x })).y!.dims).toEqual([1, 30]);
    await session.release();
  });

  it('treats weights that old files list as inputs as constants', async () => {
    const { graph: good } = smallModel();
    const old = {
      ...model({ ...good, inputs: [...good.inputs, value('w', [4, 3]), value('b', [3])] }),
      irVersion: 3,
    };
    const { graph: file } = await convertModel(old);
    expect(readCanonical(file.path).graph.inputs.map(({ name }) => name)).toEqual(['x']);
  });

  it('turns Constant nodes into weights', async () => {
    const constant: Attribute = { name: 'value', kind: 'tensor', value: floats('', [4, 3]) };
    const { graph: good } = smallModel();
    const nodes = [node('Constant', [], ['w'], [constant]), ...good.nodes];
    const { graph: file } = await convertModel(model({ ...good, nodes, initializers: [floats('b', [3])] }));
    expect(readCanonical(file.path).graph.nodes.map(({ opType }) => opType)).toEqual(['Gemm', 'Relu']);
  });

  it('reads external data next to the model', async () => {
    writeFileSync(inFolder('weights.dat'), new Uint8Array(new Float32Array(1200).fill(0.5).buffer));
    const storage = { kind: 'external' as const, location: 'weights.dat', offset: 0, length: 4800 };
    const source = model({
      nodes: [node('MatMul', ['x', 'w'], ['y'])],
      initializers: [{ name: 'w', dims: [40, 30], dataType: 1, storage }],
      inputs: [value('x', [1, 40])],
      outputs: [value('y', [1, 30])],
    });
    const { weights } = await convertModel(source);
    expect(readFileSync(weights!.path).readFloatLE(4796)).toBe(0.5);
    expect(weights!.bytes).toBe(4800);
  });

  it('keeps subgraphs and their captures', async () => {
    const branch = (name: string, op: string): Attribute => ({
      name,
      kind: 'graph',
      value: graph({ nodes: [node(op, ['h'], [`${op}_out`])], outputs: [value(`${op}_out`, [1, 3])] }),
    });
    const { graph: good } = smallModel();
    const source = model({
      ...good,
      nodes: [
        node('Gemm', ['x', 'w', 'b'], ['h']),
        node('If', ['choice'], ['y'], [branch('then_branch', 'Relu'), branch('else_branch', 'Neg')]),
      ],
      inputs: [...good.inputs, value('choice', [1], DATA_TYPE.bool)],
    });
    const { graph: file } = await convertModel(source);
    expect(readCanonical(file.path).graph.nodes.map(({ opType }) => opType)).toEqual(['Gemm', 'If']);
  });
});

describe('a model is rejected if it', () => {
  const { graph: good } = smallModel();

  it('is not ONNX', async () => {
    expect(await rejection(convert(new TextEncoder().encode('<html>404</html>')))).toMatchObject({
      code: 'NOT_ONNX',
    });
    expect(await rejection(convert(new Uint8Array(0)))).toMatchObject({ code: 'NOT_ONNX' });
  });

  it('is truncated', async () => {
    const whole = joinChunks(writeModel(smallModel()));
    expect(await rejection(convert(whole.subarray(0, 100)))).toMatchObject({ code: 'TRUNCATED' });
  });

  it('has an unknown operator', async () => {
    const error = await rejection(convertModel(model({ ...good, nodes: [node('Sparkle', ['x'], ['y'])] })));
    expect(error.code).toBe('UNKNOWN_OPERATOR');
    expect(error.message).toContain('"Sparkle"');
    const foreign = { ...node('Sparkle', ['x'], ['y']), domain: 'com.example' };
    const source = {
      ...model({ ...good, nodes: [foreign] }),
      opsetImports: [
        { domain: 'com.example', version: 1 },
        { domain: '', version: 17 },
      ],
    };
    expect(await rejection(convertModel(source))).toMatchObject({ code: 'UNKNOWN_OPERATOR' });
  });

  it('has shapes that do not match', async () => {
    const error = await rejection(convertModel(model({ ...good, inputs: [value('x', [1, 5])] })));
    expect(error.code).toBe('INVALID_GRAPH');
    const { graph: free } = model({ ...good, initializers: [floats('w', [4, 3]), floats('b', [2])] });
    const late = await rejection(convertModel(model(free)));
    expect(late.message).toMatch(/Gemm "\S+": Gemm: Invalid bias shape|bias/);
  });

  it('has inputs or outputs of an unsupported type', async () => {
    const half = model({
      nodes: [node('Identity', ['x'], ['y'])],
      inputs: [value('x', [1], DATA_TYPE.complex64)],
      outputs: [value('y', [1], DATA_TYPE.complex64)],
    });
    const error = await rejection(convertModel(half));
    expect(error).toMatchObject({ code: 'UNSUPPORTED_TYPE' });
    expect(error.message).toContain('input "x" is complex64');
  });

  it('has bfloat16 inputs or outputs, with the reason', async () => {
    const cast = (from: string, to: string, type: number): Node =>
      node('Cast', [from], [to], [{ name: 'to', kind: 'int', value: BigInt(type) }]);
    const { bfloat16, float32 } = DATA_TYPE;
    const input = await rejection(
      convertModel(
        model({
          nodes: [cast('x', 'y', float32)],
          inputs: [value('x', [1], bfloat16)],
          outputs: [value('y', [1])],
        }),
      ),
    );
    expect(input.message).toContain(
      'input "x" is bfloat16, which ONNX Runtime cannot receive from or return to JavaScript',
    );
    expect(input.hint).toBe('make the input float32, and cast inside the model');
    const output = await rejection(
      convertModel(
        model({
          nodes: [cast('x', 'y', bfloat16)],
          inputs: [value('x', [1])],
          outputs: [value('y', [1], bfloat16)],
        }),
      ),
    );
    expect(output.message).toContain('output "y" is bfloat16');
  });

  it('has a tensor above the size limit', async () => {
    const pads: Attribute = { name: 'pads', kind: 'ints', value: [1n, 2147483647n, 1n, 1n] };
    const source = model({
      nodes: [node('Conv', ['x', 'w'], ['y'], [pads])],
      initializers: [floats('w', [2, 1, 3, 3])],
      inputs: [value('x', [1, 1, 5, 5])],
      outputs: [{ name: 'y' }],
    });
    const error = await rejection(convertModel(source));
    expect(error).toMatchObject({ code: 'TOO_LARGE' });
    expect(error.message).toContain('"y"');
    const wide = model({ ...good, inputs: [value('x', [1_000_000_000, 4])] });
    expect(await rejection(convertModel(wide))).toMatchObject({ code: 'TOO_LARGE' });
  });

  it('uses an operator set that is too new', async () => {
    const newer = { ...smallModel(), opsetImports: [{ domain: '', version: 9999 }] };
    expect(await rejection(convertModel(newer))).toMatchObject({ code: 'UNKNOWN_OPERATOR' });
  });

  it('misses external data', async () => {
    const external = (location: string) => ({
      ...floats('w', [4, 3]),
      storage: { kind: 'external' as const, location, offset: 0, length: 48 },
    });
    for (const location of ['lost.bin', '../lost.bin', '/etc/passwd']) {
      const source = model({ ...good, initializers: [external(location), floats('b', [3])] });
      expect(await rejection(convertModel(source))).toMatchObject({
        code: 'MISSING_EXTERNAL_DATA',
        location,
      });
    }
    writeFileSync(inFolder('short.bin'), new Uint8Array(40));
    const source = model({ ...good, initializers: [external('short.bin'), floats('b', [3])] });
    expect((await rejection(convertModel(source))).message).toContain('only 40 bytes');
  });

  it('has no inputs', async () => {
    const source = model({
      nodes: [node('Relu', ['w'], ['y'])],
      initializers: [floats('w', [3])],
      outputs: [value('y', [3])],
    });
    expect((await rejection(convertModel(source))).message).toContain('no inputs');
  });
});
