/** The admin API: `/api` on the control plane's port. */

import type { DataPlaneLink } from '@sparewheel/data-plane-client';
import { ApiError, LIMITS } from '@sparewheel/protocol';
import { type FastifyInstance, fastify } from 'fastify';
import type { Store } from '../database/store.ts';
import type { Deployments } from '../deployments/deployments.ts';
import type { EventLog } from '../events/event-log.ts';
import type { LiveViews } from '../live-views.ts';
import type { Models } from '../models/models.ts';
import type { Authentication } from './authentication.ts';
import { deploymentRoutes } from './deployment-routes.ts';
import { deviceRoutes } from './device-routes.ts';
import { installErrorHandlers, sendError } from './error-responses.ts';
import { eventRoutes } from './event-routes.ts';
import { healthRoutes } from './health-routes.ts';
import { inferenceProxy } from './inference-proxy.ts';
import { joinRoutes } from './join-routes.ts';
import { metricsRoutes } from './metrics-routes.ts';
import { modelRoutes } from './model-routes.ts';
import { sessionRoutes } from './session-routes.ts';
import { zooRoutes } from './zoo-routes.ts';

export interface ApiParts {
  readonly authentication: Authentication;
  readonly dataPlane: DataPlaneLink;
  readonly deployments: Deployments;
  readonly models: Models;
  readonly events: EventLog;
  readonly store: Store;
  readonly live: LiveViews;
  /** For uploads that are not complete; an existing directory on the file system of the blobs. */
  readonly scratch: string;
  readonly startedAt: string;
  /** Where the data plane's own HTTP server is reached from here, and what opens it. */
  readonly inference: { readonly host: string; readonly token: string };
  readonly joinToken: string;
}

/** Routes that answer anybody: signing in, and whether the process lives. */
const OPEN = new Set(['/api/session', '/api/health']);
const READING = new Set(['GET', 'HEAD', 'OPTIONS']);

export async function createApi(parts: ApiParts): Promise<FastifyInstance> {
  const app = fastify({
    logger: false,
    bodyLimit: LIMITS.apiBodyBytes,
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 256 },
    exposeHeadRoutes: false,
    // An address that cannot be decoded comes here before any route or hook.
    frameworkErrors: (error, _request, reply) =>
      void sendError(reply, new ApiError(400, 'bad-address', error.message)),
  });
  installErrorHandlers(app);
  readJson(app);
  app.addHook('onRequest', async (request, reply) => {
    void reply.header('cache-control', 'no-store').header('x-content-type-options', 'nosniff');
    const path = request.url.replace(/\?.*$/, '').replace(/\/$/, '');
    if (!OPEN.has(path)) parts.authentication.requireOperator(request.headers, !READING.has(request.method));
  });

  sessionRoutes(app, parts);
  healthRoutes(app, parts);
  deviceRoutes(app, parts);
  deploymentRoutes(app, parts);
  eventRoutes(app, parts);
  joinRoutes(app, parts);
  metricsRoutes(app, parts);
  zooRoutes(app, parts);
  await app.register(async (scope) => modelRoutes(scope, parts));
  await app.register(async (scope) => inferenceProxy(scope, parts));
  await app.ready();
  return app;
}

/** An empty body is no body: `POST …/revive` with a JSON content type and nothing in it is fine. */
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
