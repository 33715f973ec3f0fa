import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConstantTensor, DATA_TYPE, type Model, readModel, writeModel } from '@sparewheel/onnx';
import { canonicalize, openCanonical } from '@sparewheel/onnx-import';
import { bytesOf } from '@sparewheel/protocol';
import type { Tensor } from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { whyNot } from './layers/splits.ts';
import { createPlan } from './planner.ts';
import { profileModel } from './profile.ts';
import { buildArtifacts } from './steps/build.ts';
import { directorySink, PlanExecutor } from './testing/execute.ts';
import {
  caseNames,
  GRAPHS_ARE_HERE,
  loadCase,
  NODE_CASES,
  type PublicCase,
} from './testing/public-graphs.ts';

/** Cases that cannot be divided by rows, and the expected reason. */
const NOT_CODABLE: Readonly<Record<string, RegExp>> = {
  test_convtranspose_group_2: /depthwise: each of its 2 groups/,
  test_convtranspose_group_2_image_3: /depthwise: each of its 2 groups/,
  'test_matmul_1d_1d, left constant': /vector/,
  'test_matmul_1d_1d, right constant': /vector/,
  'test_matmul_1d_3d, left constant': /vector/,
  'test_matmul_4d_1d, right constant': /vector/,
  // One output channel or column.
  test_convtranspose_dilations: /one row/,
  'test_matmul_1d_3d, right constant': /one row/,
  test_basic_conv_with_padding: /one row/,
  test_basic_conv_without_padding: /one row/,
  test_conv_with_autopad_same: /one row/,
  test_conv_with_strides_and_asymmetric_padding: /one row/,
  test_conv_with_strides_no_padding: /one row/,
  test_conv_with_strides_padding: /one row/,
};

/** An operator case with some of its inputs turned into constants. */
interface Variant {
  readonly title: string;
  readonly name: string;
  readonly constants: readonly number[];
}

function variants(): Variant[] {
  return caseNames(NODE_CASES).flatMap((name): Variant[] => {
    if (name.includes('matmul')) {
      return [
        { title: `${name}, right constant`, name, constants: [1] },
        { title: `${name}, left constant`, name, constants: [0] },
      ];
    }
    if (name.includes('gemm')) {
      return [
        { title: `${name}, B constant`, name, constants: [1, 2] },
        { title: `${name}, A constant`, name, constants: [0, 2] },
      ];
    }
    return [{ title: name, name, constants: [1, 2] }];
  });
}

describe.skipIf(!GRAPHS_ARE_HERE)(
  'an operator with constant weights gives its expected output, healthy and with each shard missing',
  () => {
    let directory: string;
    beforeAll(() => {
      directory = mkdtempSync(join(tmpdir(), 'operators-'));
    });
    afterAll(() => rmSync(directory, { recursive: true, force: true }));

    test.each(variants())('$title', async ({ title, name, constants }) => {
      const expected = loadCase(NODE_CASES, name);
      const modelPath = join(directory, 'case.onnx');
      const model = readModel(readFileSync(expected.modelPath));
      const { opType, inputs } = model.graph.nodes[0]!;
      const names = constants.flatMap((index) => inputs[index] ?? []);
      writeFileSync(modelPath, Buffer.concat(writeModel(withConstants(model, expected, names))));
      const canonical = await canonicalize({
        modelPath,
        scratchDirectory: directory,
        outputDirectory: join(directory, 'models'),
      });
      const loaded = openCanonical(canonical.graph.path);
      const profile = profileModel(loaded.model, { name, sha256: canonical.graph.sha256 });
      const layer = profile.layers.find(({ op }) => op === opType || op === 'Gemm' || op === 'MatMul')!;
      if (NOT_CODABLE[title]) expect(layer.notCodable).toMatch(NOT_CODABLE[title]);
      else expect(layer.notCodable).toBeNull();
      const feeds = Object.fromEntries(
        Object.entries(expected.inputs).filter(([key]) => !names.includes(key)),
      );
      for (const k of [2, 3, 4]) {
        for (const splits of ['weights', 'inputs'] as const) {
          const options = { k, r: 1, strategy: 'coded', layers: 'all', splits } as const;
          const plan = createPlan(profile, options);
          if (whyNot(profile, layer, splits, { k }) !== null) {
            expect(plan.runsWhole).not.toBeNull();
            expect(plan.steps.map(({ kind }) => kind)).not.toContain('coded');
            continue;
          }
          const artifacts = await buildArtifacts(plan, loaded, directorySink(directory));
          const executor = new PlanExecutor(plan, artifacts, directory);
          for (let dead = -1; dead <= k; dead++) {
            const outputs = await executor.run(feeds, new Set(dead < 0 ? [] : [dead]));
            for (const [output, tensor] of Object.entries(expected.outputs)) {
              expectClose(outputs[output]!, tensor, expected);
            }
          }
          await executor.release();
        }
      }
      loaded.close();
    });
  },
);

function withConstants(model: Model, { inputs }: PublicCase, names: readonly string[]): Model {
  const initializers = names.map((name): ConstantTensor => {
    const { dims, data } = inputs[name]!;
    const bytes = bytesOf(data as Float32Array);
    return { name, dims, dataType: DATA_TYPE.float32, storage: { kind: 'raw', bytes } };
  });
  const graph = model.graph;
  return {
    ...model,
    graph: { ...graph, initializers, inputs: graph.inputs.filter(({ name }) => !names.includes(name)) },
  };
}

/** Compares like numpy's allclose, with the tolerances of the ONNX test case. */
function expectClose(found: Tensor, expected: Tensor, { rtol = 1e-3, atol = 1e-7 }: PublicCase): void {
  expect(found.dims).toEqual(expected.dims);
  const [a, b] = [found.data as Float32Array, expected.data as Float32Array];
  // A recovered shard contains the rounding errors of the others, so a zero is only zero relative to the
  // largest.
  const largest = b.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
  for (let i = 0; i < b.length; i++) {
    expect(Math.abs(a[i]! - b[i]!)).toBeLessThanOrEqual(atol + rtol * Math.abs(b[i]!) + 1e-6 * largest);
  }
}
