import type { InferenceBackend, InferenceRequest, InferenceResult, ServedModel } from './types.ts';

/**
 * Runs one `infer` call of HTTP or gRPC, and counts it in the statistics of the deployment.
 * @param parse  reads the request
 * @param write  returns the response
 * @throws what `parse`, the backend and `write` throw
 */
export async function runInferCall<Response>(
  backend: InferenceBackend,
  model: ServedModel,
  signal: AbortSignal,
  parse: () => InferenceRequest,
  write: (request: InferenceRequest, result: InferenceResult) => Response,
): Promise<Response> {
  const beganAt = performance.now();
  try {
    const request = parse();
    const parsedAt = performance.now();
    const result = await backend.infer(model.name, request.feeds, {
      fetches: request.outputs.map(({ name }) => name),
      signal,
    });
    const answeredAt = performance.now();
    const response = write(request, result);
    model.statistics.succeeded({
      queueMs: result.queuedMs,
      inputMs: parsedAt - beganAt,
      inferMs: Math.max(0, answeredAt - parsedAt - result.queuedMs),
      outputMs: performance.now() - answeredAt,
    });
    return response;
  } catch (error) {
    model.statistics.failed(performance.now() - beganAt);
    throw error;
  }
}
