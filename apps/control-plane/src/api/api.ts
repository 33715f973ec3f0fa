/** The admin API: `/api` on the control plane's port. */

import { ApiError, LIMITS } from '@sparewheel/protocol';
import { type FastifyInstance, fastify } from 'fastify';
import type { ApiParts } from './api-parts.ts';
import { deploymentRoutes } from './deployment-routes.ts';
import { deviceRoutes } from './device-routes.ts';
import { installErrorHandlers, sendError } from './error-responses.ts';
import { eventRoutes } from './event-routes.ts';
import { faultReportRoutes } from './fault-report-routes.ts';
import { healthRoutes } from './health-routes.ts';
import { inferenceProxy } from './inference-proxy.ts';
import { metricsRoutes } from './metrics-routes.ts';
import { modelRoutes, modelUpload } from './model-routes.ts';
import { networkRoutes } from './network-routes.ts';
import { sessionRoutes } from './session-routes.ts';
import { refuseUnknownFields } from './unknown-fields.ts';
import { zooRoutes } from './zoo-routes.ts';

/** Public routes. */
const OPEN = new Set(['/api/session', '/api/health']);
const METRICS = '/api/metrics';
const READING = new Set(['GET', 'HEAD', 'OPTIONS']);

export async function createApi(parts: ApiParts): Promise<FastifyInstance> {
  const app = fastify({
    logger: false,
    bodyLimit: LIMITS.apiBodyBytes,
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 256 },
    exposeHeadRoutes: false,
    // An address that cannot be decoded gets here before any route or hook.
    frameworkErrors: (_error, { url }, reply) =>
      void sendError(
        reply,
        new ApiError(
          400,
          'bad-address',
          `The address ${url.replace(/\?.*$/s, '')} cannot be decoded.`,
          'Write special characters of a name as percent escapes of UTF-8, for example %C3%A9 for é.',
        ),
      ),
  });
  installErrorHandlers(app);
  readJson(app);
  refuseUnknownFields(app);
  app.addHook('onRequest', async (request, reply) => {
    void reply.header('cache-control', 'no-store').header('x-content-type-options', 'nosniff');
    const path = request.url.replace(/\?.*$/, '').replace(/\/$/, '');
    if (OPEN.has(path)) return;
    const reads = READING.has(request.method);
    const alsoAllowed = reads && path === METRICS ? 'metrics' : undefined;
    parts.authentication.requireOperator(request.headers, !reads, alsoAllowed);
  });

  sessionRoutes(app, parts);
  healthRoutes(app, parts);
  deviceRoutes(app, parts);
  deploymentRoutes(app, parts);
  eventRoutes(app, parts);
  faultReportRoutes(app, parts);
  networkRoutes(app, parts);
  metricsRoutes(app, parts);
  zooRoutes(app, parts);
  modelRoutes(app, parts);
  await app.register(async (scope) => modelUpload(scope, parts));
  await app.register(async (scope) => inferenceProxy(scope, parts));
  await app.ready();
  return app;
}

/** Parses JSON bodies. An empty body is allowed, for example in `POST …/revive` with a JSON content type. */
function readJson(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => {
    if (body === '') return done(null, undefined);
    try {
      done(null, JSON.parse(body as string));
    } catch (error) {
      const { message } = error as Error;
      done(new ApiError(400, 'not-json', `The body is not JSON: ${message}.`), undefined);
    }
  });
}
