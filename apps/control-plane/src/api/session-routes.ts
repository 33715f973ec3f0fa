/** Signs browsers in and out. The session is a cookie that scripts on the page cannot read. */

import { ApiError } from '@sparewheel/protocol';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { ApiParts } from './api-parts.ts';
import { isSameOrigin, wrongRole } from './authentication.ts';
import { parse } from './validation.ts';

const signInSchema = z.strictObject({ token: z.string().min(1).max(512) });

export function sessionRoutes(app: FastifyInstance, { authentication }: ApiParts): void {
  app.get('/api/session', async (request) => {
    authentication.requireOperator(request.headers, false);
    return { role: 'operator' };
  });

  app.post('/api/session', { config: { fields: ['body'] } }, async (request, reply) => {
    // Another site must not sign a visitor in, even with its own token.
    if (request.headers.origin !== undefined && !isSameOrigin(request.headers)) {
      throw new ApiError(403, 'other-origin', 'Only the dashboard’s own pages may sign in.');
    }
    const role = authentication.roleOf(parse(signInSchema, request.body).token);
    if (role === null) {
      throw new ApiError(
        401,
        'unauthorized',
        'This token is not known.',
        'Use the operator’s token, which is in the address that Sparewheel printed at its start.',
      );
    }
    if (role !== 'operator') throw wrongRole(role);
    return reply.header('set-cookie', authentication.sessionCookie()).send({ role });
  });

  app.delete('/api/session', async (_request, reply) =>
    reply.header('set-cookie', authentication.expiredCookie()).code(204).send(),
  );
}
