import { type NetworkView, networkRequestSchema } from '@sparewheel/protocol';
import type { FastifyInstance } from 'fastify';
import type { ApiParts } from './api-parts.ts';
import { parse } from './validation.ts';

type ByName = { Params: { name: string } };
const NONE: NetworkView = { preset: 'off', devices: [] };

/** The emulated network of a deployment's devices. */
export function networkRoutes(
  app: FastifyInstance,
  { deployments, network }: Pick<ApiParts, 'deployments' | 'network'>,
): void {
  app.get<ByName>('/api/deployments/:name/network', async ({ params: { name } }) => {
    deployments.record(name);
    return network.view(name) ?? NONE;
  });

  app.put<ByName>(
    '/api/deployments/:name/network',
    { config: { fields: ['body'] } },
    async ({ params: { name }, body }, reply) => {
      deployments.requireLive(name);
      const { preset } = parse(networkRequestSchema, body);
      network.choose(name, preset, deployments.views());
      deployments.viewsChanged();
      return reply.code(202).send(network.view(name) ?? NONE);
    },
  );
}
