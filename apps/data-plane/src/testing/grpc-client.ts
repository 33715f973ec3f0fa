/** A gRPC client of the inference protocol for tests, with promises. */
import {
  type ClientDuplexStream,
  compressionAlgorithms,
  credentials,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js';
import { InferenceClient } from '../grpc/service-definition.ts';

// biome-ignore lint/suspicious/noExplicitAny: tests read arbitrary fields
type Message = any;

export class TestGrpcClient {
  readonly #client: InstanceType<typeof InferenceClient>;
  readonly #metadata = new Metadata();

  constructor(port: number, token: string | null, compression = compressionAlgorithms.identity) {
    this.#client = new InferenceClient(`127.0.0.1:${port}`, credentials.createInsecure(), {
      'grpc.default_compression_algorithm': compression,
    });
    if (token !== null) this.#metadata.set('authorization', `Bearer ${token}`);
  }

  /** Rejects with a ServiceError. */
  call(
    method: string,
    request: object = {},
    options: { signal?: AbortSignal; deadlineMs?: number } = {},
  ): Promise<Message> {
    return new Promise((resolve, reject) => {
      const deadline = options.deadlineMs === undefined ? {} : { deadline: Date.now() + options.deadlineMs };
      const running = this.#client[method]!(
        request,
        this.#metadata,
        deadline,
        (error: ServiceError | null, response: Message) => (error ? reject(error) : resolve(response)),
      );
      options.signal?.addEventListener('abort', () => running.cancel());
    });
  }

  /** Returns the error of a call. */
  async failure(method: string, request: object = {}): Promise<ServiceError> {
    return this.call(method, request).then(
      () => Promise.reject(new Error(`${method} did not fail`)),
      (error: ServiceError) => error,
    );
  }

  stream(): ClientDuplexStream<object, Message> {
    return this.#client.ModelStreamInfer!(this.#metadata);
  }

  close(): void {
    this.#client.close();
  }
}
