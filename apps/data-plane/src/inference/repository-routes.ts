/** `/v2/repository/…`: lists the deployments. Only the control plane adds and removes them. */
import { ApiError } from '@sparewheel/protocol';
import type { FastifyInstance, onRequestHookHandler } from 'fastify';
import { z } from 'zod';
import type { InferenceBody } from './body.ts';
import { describeRepository } from './descriptions.ts';
import type { InferenceBackend } from './types.ts';

const indexSchema = z.strictObject({ ready: z.boolean().default(false) });

/** @param authorize  rejects requests without a token for inference */
export function repositoryRoutes(
  app: FastifyInstance,
  backend: InferenceBackend,
  authorize: onRequestHookHandler,
): void {
  app.post<{ Body: InferenceBody | undefined }>(
    '/v2/repository/index',
    { onRequest: authorize },
    async ({ body }) => describeRepository(backend.models(), parseIndex(body?.json ?? '').ready),
  );
  for (const action of ['load', 'unload'] as const) {
    app.post(`/v2/repository/models/:name/${action}`, {
      // Before the body is read: it may contain a whole model.
      onRequest: [authorize, async () => Promise.reject(notPermitted(action))],
      handler: () => undefined,
    });
  }
}

/** The answer to `load` and `unload`, over HTTP and gRPC. */
export function notPermitted(action: 'load' | 'unload'): ApiError {
  return new ApiError(
    403,
    'not-permitted',
    `clients may not ${action} models`,
    action === 'load'
      ? 'An operator deploys a model with POST /api/deployments on the control plane.'
      : 'An operator removes a deployment with DELETE /api/deployments/{name} on the control plane.',
  );
}

function parseIndex(json: string): z.infer<typeof indexSchema> {
  let value: unknown = {};
  try {
    if (json.trim() !== '') value = JSON.parse(json);
  } catch (error) {
    throw new ApiError(400, 'invalid-json', `the body is not JSON: ${(error as Error).message}`);
  }
  const parsed = indexSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new ApiError(
    400,
    'invalid-request',
    issue?.code === 'unrecognized_keys'
      ? `the field '${issue.keys[0]}' is unknown`
      : `${issue?.path.join('.') || 'body'}: ${issue?.message ?? 'invalid'}`,
    'Expected { "ready": true }, or no body.',
  );
}
