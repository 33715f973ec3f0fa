import { expect, test } from 'vitest';
import { measureRealModel } from './testing/measure-real-model.ts';
import { REAL_MODELS_ARE_HERE } from './testing/real-models.ts';

/** The product's limit for the relative error of every network, healthy and with a dead device. */
const TOLERANCE = 1e-4;

/** By graph: the layers that are divided over 3 + 1 devices with the layers "all". */
const DIVIDED: Readonly<Record<string, number>> = {
  constant_node_weight: 1,
  float16_matmul: 1,
  free_batch_and_length: 2,
  free_unnamed_batch: 1,
  if_with_weights: 1,
  loop_over_linear: 1,
  lstm: 2,
  matmul_integer: 1,
  no_linear_layer: 0,
  one_output_head: 1,
  only_a_narrow_layer: 0,
  outputs_read_inside: 1,
  qdq_gemm: 1,
  qlinear_conv: 1,
  two_class_head: 1,
  weights_listed_as_inputs: 1,
};

test.skipIf(!REAL_MODELS_ARE_HERE).each(Object.entries(DIVIDED))(
  'a real kind of model gives its expected outputs, healthy and with each device dead: %s',
  async (name, divided) => {
    const plans = await measureRealModel(name);
    expect(plans[0]!.divided).toBe(divided);
    for (const { options, healthy, dead } of plans) {
      expect(Math.max(healthy, dead), JSON.stringify(options)).toBeLessThan(TOLERANCE);
    }
  },
);
