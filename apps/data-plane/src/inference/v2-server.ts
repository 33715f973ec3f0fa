/** The HTTP server of the Open Inference Protocol v2. Shares its port with Socket.IO. */
import type { IncomingMessage, Server } from 'node:http';
import type { ErrorReport } from '@sparewheel/protocol';
import { ApiError, errorBody, errorReport, LIMITS } from '@sparewheel/protocol';
import type { Access } from '@sparewheel/runtime/access';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { type InferenceBody, readInferenceBody } from './body.ts';
import { retryAfterSeconds, toApiError } from './coordinator-errors.ts';
import { parseInferenceRequest } from './request.ts';
import { writeInferenceResponse } from './response.ts';
import {
  DATATYPES,
  HEADER_LENGTH_HEADER,
  type InferenceResult,
  MODEL_VERSION,
  type ServedModel,
} from './types.ts';

/** What the HTTP server needs from the data plane. */
export interface InferenceBackend {
  /** Returns a deployment, or null if it does not exist. */
  model(name: string): ServedModel | null;
  /** Returns whether every stored deployment can answer or has failed. */
  ready(): boolean;
  /** Runs a request. Rejects with a CoordinatorError or ApiError. */
  infer(
    name: string,
    feeds: InferenceFeeds,
    options: { readonly fetches: readonly string[]; readonly signal: AbortSignal },
  ): Promise<InferenceResult>;
}
type InferenceFeeds = ReturnType<typeof parseInferenceRequest>['feeds'];

export interface V2ServerOptions {
  readonly access: Access;
  readonly backend: InferenceBackend;
  readonly version: string;
  /** Receives every unexpected error (status 500). */
  readonly onInternalError?: (error: unknown) => void;
  readonly bodyLimitBytes?: number;
}

interface ModelParameters {
  readonly name: string;
  readonly version?: string;
}

/**
 * Adds the routes to an HTTP server. `listen` of the result opens the port, `close` closes it gracefully.
 * There are no CORS headers: the control plane forwards the requests of browsers.
 */
export function createV2Server(server: Server, options: V2ServerOptions): FastifyInstance {
  const { access, backend } = options;
  const app = Fastify({
    serverFactory: (handler) => server.on('request', handler),
    bodyLimit: LIMITS.inferenceBodyBytes,
    routerOptions: { maxParamLength: LIMITS.nameLength },
    // Socket.IO connections are closed before this server, so that only idle keep-alive connections remain.
    forceCloseConnections: 'idle',
  });

  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    '*',
    (request: FastifyRequest, payload: IncomingMessage): Promise<InferenceBody> =>
      readInferenceBody(payload, request.headers, options.bodyLimitBytes),
  );
  app.setErrorHandler((error, request, reply) => {
    const failure = failureOf(error);
    // A client that closed its connection is not an internal error.
    if (failure.status === 500 && !request.raw.socket.destroyed) options.onInternalError?.(error);
    const retryAfter = retryAfterSeconds(error);
    if (retryAfter !== null) reply.header('retry-after', retryAfter);
    sendError(reply, failure);
  });
  app.setNotFoundHandler((request, reply) =>
    sendError(reply, {
      status: 404,
      code: 'not-found',
      message: `${request.method} ${request.url.split('?')[0]} does not exist`,
      hint: 'This port serves /v2 and agents. The control plane serves the dashboard and /api on its own port.',
    }),
  );

  const authorize = async (request: FastifyRequest): Promise<void> => {
    const token = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1];
    const hint = 'Send the header Authorization: Bearer with SPAREWHEEL_INFER_TOKEN or the operator token.';
    if (token === undefined) throw new ApiError(401, 'unauthorized', 'a token is missing', hint);
    if (access.admits(token, 'infer')) return;
    if (access.roleOf(token) === null) throw new ApiError(401, 'unauthorized', 'the token is unknown', hint);
    throw new ApiError(403, 'forbidden', 'the join token does not allow inference', hint);
  };
  const served = (parameters: ModelParameters): ServedModel => {
    const model = backend.model(parameters.name);
    if (model === null) {
      throw new ApiError(
        404,
        'unknown-model',
        `no deployment is named '${parameters.name}'`,
        'Use the name of the deployment, not of the model. GET /api/deployments on the control plane lists them.',
      );
    }
    if (parameters.version !== undefined && parameters.version !== MODEL_VERSION) {
      throw new ApiError(
        404,
        'unknown-version',
        `deployment '${parameters.name}' has only version '${MODEL_VERSION}', not '${parameters.version}'`,
      );
    }
    return model;
  };

  app.get('/v2/health/live', async () => ({ live: true }));
  app.get('/v2/health/ready', async (_request, reply) => {
    const ready = backend.ready();
    return reply.status(ready ? 200 : 503).send({ ready });
  });
  app.get('/v2', { onRequest: authorize }, async () => ({
    name: 'sparewheel',
    version: options.version,
    extensions: ['binary_tensor_data'],
  }));

  for (const path of ['/v2/models/:name', '/v2/models/:name/versions/:version']) {
    app.get<{ Params: ModelParameters }>(path, { onRequest: authorize }, async (request) =>
      metadata(served(request.params)),
    );
    app.get<{ Params: ModelParameters }>(
      `${path}/ready`,
      { onRequest: authorize },
      async (request, reply) => {
        const { name, ready } = served(request.params);
        return reply.status(ready ? 200 : 503).send({ name, ready });
      },
    );
    app.post<{ Params: ModelParameters; Body: InferenceBody | undefined }>(
      `${path}/infer`,
      {
        // Runs before the body is read, so that a client cannot send 64 MB to an unknown name.
        onRequest: [authorize, async (request) => void served(request.params as ModelParameters)],
      },
      async (request, reply) => {
        const model = served(request.params);
        const { json, binary } = request.body ?? { json: '', binary: new Uint8Array() };
        const call = parseInferenceRequest(json, binary, model);
        const abort = new AbortController();
        // Also emitted after a complete response, when an abort has no effect.
        reply.raw.once('close', () => abort.abort());
        const result = await backend.infer(model.name, call.feeds, {
          fetches: call.outputs.map(({ name }) => name),
          signal: abort.signal,
        });
        const { body, headerLength } = writeInferenceResponse(model.name, call, result);
        if (headerLength === null) return reply.type('application/json; charset=utf-8').send(body);
        reply.header(HEADER_LENGTH_HEADER, headerLength);
        return reply.type('application/octet-stream').send(body);
      },
    );
  }
  return app;
}

function metadata(model: ServedModel): object {
  const describe = (tensors: ServedModel['inputs']): object[] =>
    tensors.map(({ name, type, dims }) => ({ name, datatype: DATATYPES[type], shape: dims }));
  return {
    name: model.name,
    versions: [MODEL_VERSION],
    platform: 'sparewheel',
    inputs: describe(model.inputs),
    outputs: describe(model.outputs),
  };
}

function failureOf(error: unknown): ErrorReport {
  const known = toApiError(error);
  if (known instanceof ApiError) return errorReport(known);
  // Errors of Fastify: an invalid content type, or a URL that does not decode.
  const { statusCode, code, message } = error as { statusCode?: number; code?: string; message: string };
  if (statusCode !== undefined && statusCode < 500) {
    return {
      status: statusCode,
      code: code?.replace(/^FST_ERR_/, '').toLowerCase() ?? 'bad-request',
      message,
    };
  }
  return errorReport(error);
}

function sendError(reply: FastifyReply, error: ErrorReport): FastifyReply {
  return reply.status(error.status).send(errorBody(error));
}
