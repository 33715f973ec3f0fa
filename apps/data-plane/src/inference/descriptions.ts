/** What the server tells about itself and its deployments. The field names are those of Triton's JSON and messages. */
import type { TensorSpec, TensorType } from '@sparewheel/protocol';
import type { DurationView } from './call-statistics.ts';
import { DATATYPES, MODEL_VERSION, type ServedModel } from './types.ts';

const PLATFORM = 'sparewheel';
const NONE: DurationView = { count: 0, ns: 0 };

export function describeServer(version: string) {
  return {
    name: 'sparewheel',
    version,
    extensions: [
      'binary_tensor_data',
      'classification',
      'model_configuration',
      'model_repository',
      'statistics',
    ],
  };
}

export function describeModel({ name, inputs, outputs }: ServedModel) {
  const describe = (tensors: readonly TensorSpec[]) =>
    tensors.map((tensor) => ({ name: tensor.name, datatype: DATATYPES[tensor.type], shape: tensor.dims }));
  return {
    name,
    versions: [MODEL_VERSION],
    platform: PLATFORM,
    inputs: describe(inputs),
    outputs: describe(outputs),
  };
}

/**
 * Returns the model configuration. `max_batch_size` 0 means that the shapes contain the batch dimension, if the model has
 * one.
 */
export function describeConfiguration({ name, inputs, outputs }: ServedModel) {
  const describe = (tensors: readonly TensorSpec[]) =>
    tensors.map((tensor) => ({
      name: tensor.name,
      data_type: configurationType(tensor.type),
      dims: tensor.dims,
    }));
  return {
    name,
    platform: PLATFORM,
    backend: PLATFORM,
    version_policy: { latest: { num_versions: 1 } },
    max_batch_size: 0,
    input: describe(inputs),
    output: describe(outputs),
    model_transaction_policy: { decoupled: false },
  };
}

/** The configuration has another name for BYTES. */
function configurationType(type: TensorType): string {
  if (type === 'string') return 'TYPE_STRING';
  return `TYPE_${DATATYPES[type]}`;
}

/** @param readyOnly  leaves out the deployments that cannot answer */
export function describeRepository(models: readonly ServedModel[], readyOnly: boolean) {
  return models
    .filter(({ state }) => !readyOnly || state === 'READY')
    .map(({ name, state, reason }) => ({ name, version: MODEL_VERSION, state, reason }));
}

export function describeStatistics(models: readonly ServedModel[]) {
  return { model_stats: models.map(statisticsOf) };
}

function statisticsOf({ name, statistics }: ServedModel) {
  const { lastInference, success, fail, queue, input, infer, output } = statistics.view();
  const computed = { compute_input: input, compute_infer: infer, compute_output: output };
  return {
    name,
    version: MODEL_VERSION,
    last_inference: lastInference,
    inference_count: success.count,
    execution_count: success.count,
    inference_stats: { success, fail, queue, ...computed, cache_hit: NONE, cache_miss: NONE },
    response_stats: {},
    batch_stats: success.count === 0 ? [] : [{ batch_size: 1, ...computed }],
    memory_usage: [],
  };
}
