/** The HTTP server of the Open Inference Protocol v2. Shares its port with Socket.IO. */
import type { IncomingMessage, Server } from 'node:http';
import { LIMITS } from '@sparewheel/protocol';
import type { Access } from '@sparewheel/runtime/access';
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import { type InferenceBody, readInferenceBody } from './body.ts';
import { describeServer } from './descriptions.ts';
import { modelRoutes } from './model-routes.ts';
import { repositoryRoutes } from './repository-routes.ts';
import type { InferenceBackend } from './types.ts';
import { requireInferenceToken } from './v2-access.ts';
import { EARLY_ERRORS, installErrorHandlers } from './v2-errors.ts';

export interface V2ServerOptions {
  readonly access: Access;
  readonly backend: InferenceBackend;
  readonly version: string;
  /** Receives every unexpected error (status 500). */
  readonly onInternalError?: (error: unknown) => void;
  readonly bodyLimitBytes?: number;
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

  app.get('/v2/health/live', async () => ({ live: true }));
  app.get('/v2/health/ready', async (_request, reply) => {
    const ready = backend.ready();
    return reply.status(ready ? 200 : 503).send({ ready });
  });
  app.get('/v2', { onRequest: authorize }, async () => describeServer(options.version));
  modelRoutes(app, backend, authorize);
  repositoryRoutes(app, backend, authorize);
  return app;
}
