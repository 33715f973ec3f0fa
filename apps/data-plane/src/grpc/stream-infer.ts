import { once } from 'node:events';
import type { ServerDuplexStream } from '@grpc/grpc-js';
import { LIMITS } from '@sparewheel/protocol';
import type { ModelInferRequest, ModelInferResponse } from './grpc-messages.ts';

interface StreamResponse {
  readonly error_message: string;
  readonly infer_response: Partial<ModelInferResponse>;
}

/**
 * Answers the requests of a stream in their order. They run at the same time. An error is a response with `error_message`
 * and the id of its request; the stream goes on.
 * @param infer    runs one request
 * @param textOf   returns the text of an error
 */
export function streamInfer(
  call: ServerDuplexStream<ModelInferRequest, StreamResponse>,
  infer: (request: ModelInferRequest, signal: AbortSignal) => Promise<ModelInferResponse>,
  textOf: (error: unknown) => string,
): void {
  const abort = new AbortController();
  let running = 0;
  let written: Promise<unknown> = Promise.resolve();

  const answer = async (request: ModelInferRequest): Promise<StreamResponse> => {
    try {
      return { error_message: '', infer_response: await infer(request, abort.signal) };
    } catch (error) {
      const { id, model_name } = request;
      return { error_message: textOf(error), infer_response: { id, model_name } };
    }
  };
  const write = async (response: StreamResponse): Promise<void> => {
    if (abort.signal.aborted || call.write(response)) return;
    // The client reads slowly. If it goes away, nothing drains.
    await once(call, 'drain', { signal: abort.signal }).catch(() => {});
  };
  call.on('data', (request: ModelInferRequest) => {
    if (++running >= LIMITS.grpcCallsPerStream) call.pause();
    const response = answer(request);
    written = written.then(async () => {
      await write(await response);
      if (--running < LIMITS.grpcCallsPerStream) call.resume();
    });
  });
  call.on('end', () => void written.then(() => call.end()));
  call.on('cancelled', () => abort.abort());
  call.on('error', () => abort.abort());
}
