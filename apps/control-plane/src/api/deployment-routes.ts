import {
  deploymentRequestSchema,
  loadRequestSchema,
  planRequestSchema,
  policyPatchSchema,
  twinRequestSchema,
} from '@sparewheel/protocol';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { ApiParts } from './api-parts.ts';
import { parse } from './validation.ts';

const BODY = { config: { fields: ['body'] } } as const;
const QUERY = { config: { fields: ['query'] } } as const;

type ByName = { Params: { name: string } };
/** The coordinator keeps the last 64 traces. */
const tracesQuerySchema = z.strictObject({ limit: z.coerce.number().int().min(1).max(64).default(64) });
const historyQuerySchema = z.strictObject({ limit: z.coerce.number().int().min(1).max(1_000).default(200) });

/** Sixteen color pictures of 512 × 512 in base64. */
const LOAD_BODY_BYTES = 20 * 1024 * 1024;

export function deploymentRoutes(
  app: FastifyInstance,
  { deployments, dataPlane, store }: Pick<ApiParts, 'deployments' | 'dataPlane' | 'store'>,
): void {
  app.post('/api/plans', BODY, async ({ body }) => deployments.plan(parse(planRequestSchema, body)));

  app.get('/api/deployments', async () => deployments.views());

  app.post('/api/deployments', BODY, async ({ body }, reply) => {
    const deployment = await deployments.create(parse(deploymentRequestSchema, body));
    return reply
      .code(202)
      .header('location', `/api/deployments/${encodeURIComponent(deployment.name)}`)
      .send(deployment);
  });

  app.get<ByName>('/api/deployments/:name', async ({ params }) => deployments.view(params.name));

  app.patch<ByName>('/api/deployments/:name', BODY, async ({ params, body }) => {
    deployments.record(params.name);
    return deployments.setPolicy(params.name, parse(policyPatchSchema, body).policy);
  });

  app.delete<ByName>('/api/deployments/:name', async ({ params }, reply) => {
    await deployments.delete(params.name);
    return reply.code(204).send();
  });

  app.post<ByName>('/api/deployments/:name/twin', BODY, async ({ params, body }, reply) => {
    deployments.record(params.name);
    const twin = await deployments.createTwin(params.name, parse(twinRequestSchema, body ?? {}));
    return reply
      .code(202)
      .header('location', `/api/deployments/${encodeURIComponent(twin.name)}`)
      .send(twin);
  });

  app.patch<ByName>('/api/deployments/:name/twin', BODY, async ({ params, body }) => {
    deployments.record(params.name);
    return deployments.setTwinDetection(params.name, parse(twinRequestSchema, body ?? {}));
  });

  app.delete<ByName>('/api/deployments/:name/twin', async ({ params }, reply) => {
    await deployments.deleteTwin(params.name);
    return reply.code(204).send();
  });

  app.post<ByName>(
    '/api/deployments/:name/load',
    { ...BODY, bodyLimit: LOAD_BODY_BYTES },
    async ({ params, body }, reply) => {
      deployments.requireLive(params.name);
      const load = parse(loadRequestSchema, body);
      return reply.code(202).send(await dataPlane.call({ kind: 'start-load', name: params.name, load }));
    },
  );

  app.delete<ByName>('/api/deployments/:name/load', async ({ params }, reply) => {
    deployments.requireLive(params.name);
    const load = await dataPlane.call({ kind: 'stop-load', name: params.name });
    return load === null ? reply.code(204).send() : reply.send(load);
  });

  app.get<ByName>('/api/deployments/:name/latency', async ({ params }) => {
    deployments.requireLive(params.name);
    return dataPlane.call({ kind: 'latency', name: params.name });
  });

  app.get<ByName>('/api/deployments/:name/arrivals', async ({ params }) => {
    deployments.requireLive(params.name);
    return dataPlane.call({ kind: 'arrivals', name: params.name });
  });

  app.delete<ByName>('/api/deployments/:name/latency', async ({ params }, reply) => {
    deployments.requireLive(params.name);
    await dataPlane.call({ kind: 'reset-latency', name: params.name });
    return reply.code(204).send();
  });

  app.get<ByName>('/api/deployments/:name/traces', QUERY, async ({ params, query }) => {
    deployments.requireLive(params.name);
    const { limit } = parse(tracesQuerySchema, query, 'query');
    return dataPlane.call({ kind: 'traces', name: params.name, limit });
  });

  app.get<ByName>('/api/deployments/:name/latency/history', QUERY, async ({ params, query }) => {
    deployments.record(params.name);
    const { limit } = parse(historyQuerySchema, query, 'query');
    return store.latencySummaries(params.name, limit);
  });
}
