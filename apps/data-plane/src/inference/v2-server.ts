/** The HTTP server of the Open Inference Protocol v2. Shares its port with Socket.IO. */
import type { IncomingMessage, Server } from 'node:http';
import { LIMITS } from '@sparewheel/protocol';
import type { Access } from '@sparewheel/runtime/access';
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import { type InferenceBody, readInferenceBody } from './body.ts';
import { chooseEncoding, compressed } from './content-encoding.ts';
import { parseInferenceRequest } from './request.ts';
import { writeInferenceResponse } from './response.ts';
import {
  DATATYPES,
  HEADER_LENGTH_HEADER,
  type InferenceBackend,
  MODEL_VERSION,
  type ServedModel,
} from './types.ts';
import { requireInferenceToken, requireModel } from './v2-access.ts';
import { EARLY_ERRORS, installErrorHandlers } from './v2-errors.ts';

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
    routerOptions: { maxParamLength: LIMITS.nameLength, ignoreTrailingSlash: true },
    ...EARLY_ERRORS,
    // Socket.IO connections are closed before this server, so that only idle keep-alive connections remain.
    forceCloseConnections: 'idle',
  });

  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    '*',
    (request: FastifyRequest, payload: IncomingMessage): Promise<InferenceBody> =>
      readInferenceBody(payload, request.headers, options.bodyLimitBytes),
  );
  installErrorHandlers(app, options.onInternalError);

  const authorize = async ({ headers }: FastifyRequest): Promise<void> =>
    requireInferenceToken(access, headers.authorization);
  const served = ({ name, version }: ModelParameters): ServedModel => requireModel(backend, name, version);

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
        if (headerLength !== null) reply.header(HEADER_LENGTH_HEADER, headerLength);
        reply
          .type(headerLength === null ? 'application/json; charset=utf-8' : 'application/octet-stream')
          .header('vary', 'accept-encoding');
        const encoding = chooseEncoding(request.headers['accept-encoding']);
        const smaller = encoding === null ? null : await compressed(body, encoding);
        if (encoding === null || smaller === null) return reply.send(body);
        return reply.header('content-encoding', encoding).send(smaller);
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
