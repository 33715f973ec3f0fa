import { joinChunks, type Model, writeModel } from '@sparewheel/onnx';
import type { Tensor } from '@sparewheel/protocol';
import ort from 'onnxruntime-node';

/** Runs a model in plain ONNX Runtime. */
export async function plainAnswer(
  model: Model,
  feeds: Readonly<Record<string, Tensor>>,
): Promise<Record<string, Tensor>> {
  const session = await ort.InferenceSession.create(joinChunks(writeModel(model)), { logSeverityLevel: 4 });
  const inputs = Object.entries(feeds).map(
    ([name, { type, data, dims }]) =>
      [name, new ort.Tensor(type as 'float32', data as Float32Array, dims)] as const,
  );
  const outputs = await session.run(Object.fromEntries(inputs));
  await session.release();
  return outputs as unknown as Record<string, Tensor>;
}
