import { ApiError, faultRequestSchema } from '@sparewheel/protocol';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { ApiParts } from './api-parts.ts';
import { parse } from './validation.ts';

const KINDS: readonly string[] = faultRequestSchema.options.map((option) => option.shape.kind.value);

type ById = { Params: { id: string } };

export function deviceRoutes(
  app: FastifyInstance,
  { dataPlane, deployments, store, live, joinToken, joinAddresses }: ApiParts,
): void {
  app.get('/api/devices', async () => live.devices);

  app.get<ById>('/api/devices/:id', async ({ params: { id } }) => {
    const device = live.devices.find((candidate) => candidate.id === id);
    if (device !== undefined) return device;
    throw new ApiError(
      404,
      'unknown-device',
      `There is no device "${id}".`,
      'GET /api/devices lists the devices.',
    );
  });

  app.post<ById>(
    '/api/devices/:id/faults',
    { config: { fields: ['body'] } },
    async ({ params: { id }, body }, reply) => {
      const fault = parseFault(body);
      await dataPlane.call({ kind: 'fault', device: id, fault });
      return reply.code(202).send({ device: id, fault });
    },
  );

  app.post<ById>('/api/devices/:id/revive', async ({ params: { id } }, reply) => {
    await dataPlane.call({ kind: 'revive', device: id });
    return reply.code(202).send({ device: id });
  });

  app.post<ById>('/api/devices/:id/release', async ({ params: { id } }, reply) => {
    await dataPlane.call({ kind: 'release', device: id });
    return reply.code(202).send({ device: id });
  });

  app.delete<ById>('/api/devices/:id', async ({ params: { id } }, reply) => {
    await dataPlane.call({ kind: 'forget', device: id });
    deployments.deviceForgotten(id);
    await store.deleteDevice(id);
    return reply.code(204).send();
  });

  // The dashboard requests the join token when the operator shows it.
  app.get('/api/join', async () => ({ token: joinToken }));
  app.get('/api/join/addresses', async () => joinAddresses());
}

/** Checks the kind first, so that the error of an unknown one lists those that exist. */
function parseFault(body: unknown) {
  const { kind } = parse(z.looseObject({ kind: z.string() }), body);
  if (!KINDS.includes(kind)) {
    throw new ApiError(
      400,
      'invalid-request',
      `The field "kind" is "${kind}", which is not a fault.`,
      `Use one of ${KINDS.join(', ')}.`,
    );
  }
  return parse(faultRequestSchema, body);
}
