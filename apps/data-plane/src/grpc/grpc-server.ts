/** The gRPC server of the Open Inference Protocol v2, on a port of its own. */
import {
  Server,
  ServerCredentials,
  ServerInterceptingCall,
  type ServerInterceptor,
  ServerListenerBuilder,
  type ServerUnaryCall,
  type sendUnaryData,
  status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { LIMITS } from '@sparewheel/protocol';
import type { Access } from '@sparewheel/runtime/access';
import {
  describeConfiguration,
  describeModel,
  describeRepository,
  describeServer,
  describeStatistics,
} from '../inference/descriptions.ts';
import { runInferCall } from '../inference/infer-call.ts';
import { notPermitted } from '../inference/repository-routes.ts';
import { resolveRequest } from '../inference/request.ts';
import type { InferenceBackend } from '../inference/types.ts';
import { requireInferenceToken, requireModel } from '../inference/v2-access.ts';
import {
  type ModelInferRequest,
  type ModelInferResponse,
  readInferRequest,
  writeInferResponse,
} from './grpc-messages.ts';
import { grpcStatus } from './grpc-status.ts';
import { INFERENCE_SERVICE } from './service-definition.ts';
import { streamInfer } from './stream-infer.ts';

/** How long `close` waits for calls. Streams that clients keep open end after it. */
const CLOSE_MS = 1_000;
/** Calls without a token, as over HTTP. */
const OPEN_CALLS = ['ServerLive', 'ServerReady'];

export interface GrpcServerOptions {
  readonly access: Access;
  readonly backend: InferenceBackend;
  readonly version: string;
  /** Receives every unexpected error (status INTERNAL). */
  readonly onInternalError?: (error: unknown) => void;
  /** Of a request, as sent and after expansion. */
  readonly messageLimitBytes?: number;
}

interface ByName {
  readonly name: string;
  readonly version: string;
}

export class GrpcServer {
  readonly #options: GrpcServerOptions;
  readonly #server: Server;

  constructor(options: GrpcServerOptions) {
    this.#options = options;
    this.#server = new Server({
      'grpc.max_receive_message_length': options.messageLimitBytes ?? LIMITS.inferenceBodyBytes,
      'grpc.max_send_message_length': -1,
      'grpc.max_concurrent_streams': LIMITS.grpcCallsPerConnection,
      interceptors: [this.#authorize],
    });
    this.#server.addService(INFERENCE_SERVICE, this.#calls());
  }

  /**
   * Opens the port.
   * @param port  0 lets the system choose
   * @returns the open port
   * @throws {Error} with the system's code in its message, for example EADDRINUSE
   */
  listen(host: string, port: number): Promise<number> {
    const address = `${host.includes(':') ? `[${host}]` : host}:${port}`;
    return new Promise((resolve, reject) => {
      this.#server.bindAsync(address, ServerCredentials.createInsecure(), (error, bound) => {
        if (error) reject(error);
        else resolve(bound);
      });
    });
  }

  /** Refuses new calls, waits a moment for running ones, and frees the port. */
  async close(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([
      new Promise((resolve) => this.#server.tryShutdown(resolve)),
      new Promise((resolve) => {
        timer = setTimeout(resolve, CLOSE_MS);
      }),
    ]);
    clearTimeout(timer);
    this.#server.forceShutdown();
  }

  #calls(): UntypedServiceImplementation {
    const { backend, version } = this.#options;
    const model = ({ name, version: asked }: ByName) => requireModel(backend, name, asked);
    return {
      ServerLive: this.#unary(() => ({ live: true })),
      ServerReady: this.#unary(() => ({ ready: backend.ready() })),
      ServerMetadata: this.#unary(() => describeServer(version)),
      ModelReady: this.#unary((request: ByName) => ({ ready: model(request).state === 'READY' })),
      ModelMetadata: this.#unary((request: ByName) => describeModel(model(request))),
      ModelConfig: this.#unary((request: ByName) => ({ config: describeConfiguration(model(request)) })),
      ModelStatistics: this.#unary((request: ByName) =>
        describeStatistics(request.name === '' ? backend.models() : [model(request)]),
      ),
      RepositoryIndex: this.#unary(({ ready }: { ready: boolean }) => ({
        models: describeRepository(backend.models(), ready),
      })),
      RepositoryModelLoad: this.#unary(() => Promise.reject(notPermitted('load'))),
      RepositoryModelUnload: this.#unary(() => Promise.reject(notPermitted('unload'))),
      ModelInfer: this.#unary((request: ModelInferRequest, signal) => this.#infer(request, signal)),
      ModelStreamInfer: (call: Parameters<typeof streamInfer>[0]) =>
        streamInfer(
          call,
          (request, signal) => this.#infer(request, signal),
          (error) => this.#failed(error).details,
        ),
    };
  }

  async #infer(request: ModelInferRequest, signal: AbortSignal): Promise<ModelInferResponse> {
    const { backend } = this.#options;
    const model = requireModel(backend, request.model_name, request.model_version);
    return runInferCall(
      backend,
      model,
      signal,
      () => resolveRequest(readInferRequest(request), model),
      (call, result) => writeInferResponse(model.name, call, result),
    );
  }

  #unary<Request, Response>(answer: (request: Request, signal: AbortSignal) => Response | Promise<Response>) {
    return (call: ServerUnaryCall<Request, Response>, done: sendUnaryData<Response>): void => {
      const abort = new AbortController();
      call.on('cancelled', () => abort.abort());
      (async () => answer(call.request, abort.signal))().then(
        (response) => done(null, response),
        (error: unknown) => done(this.#failed(error)),
      );
    };
  }

  #failed(error: unknown) {
    const answer = grpcStatus(error);
    if (answer.code === status.INTERNAL) this.#options.onInternalError?.(error);
    return answer;
  }

  /** Refuses a call without a token before its message is read. */
  readonly #authorize: ServerInterceptor = ({ path }, call) => {
    if (OPEN_CALLS.some((name) => path.endsWith(`/${name}`))) return new ServerInterceptingCall(call);
    const listener = new ServerListenerBuilder()
      .withOnReceiveMetadata((metadata, next) => {
        try {
          requireInferenceToken(this.#options.access, metadata.get('authorization')[0]?.toString());
        } catch (error) {
          call.sendStatus(grpcStatus(error));
          return;
        }
        next(metadata);
      })
      .build();
    return new ServerInterceptingCall(call, { start: (next) => next(listener) });
  };
}
