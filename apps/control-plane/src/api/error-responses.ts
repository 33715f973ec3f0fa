/** Sends every error of the API in one form, without a stack trace. */
import { ApiError, errorBody, LIMITS } from '@sparewheel/protocol';
import { RouteMethods } from '@sparewheel/runtime/route-methods';
import type { FastifyError, FastifyInstance, FastifyReply } from 'fastify';
import { log } from '../log.ts';

/** Sets the handlers of errors, unknown paths and wrong methods. Must precede the routes, to see them all. */
export function installErrorHandlers(app: FastifyInstance): void {
  app.setErrorHandler((error: unknown, request, reply) => {
    const known = asApiError(error);
    if (known === null) {
      log.error({ err: error }, `${request.method} ${request.url.replace(/\?.*/, '')} failed`);
      return sendError(
        reply,
        new ApiError(
          500,
          'internal',
          'An internal error occurred.',
          'This is a bug in Sparewheel. The log of the control plane has the details.',
        ),
      );
    }
    return sendError(reply, known);
  });
  const methods = new RouteMethods();
  app.addHook('onRoute', ({ method, url }) => methods.add(method, url));
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.replace(/\?.*/s, '');
    const allowed = methods.of(path);
    if (allowed.length === 0) {
      return sendError(
        reply,
        new ApiError(
          404,
          'unknown-path',
          `The API has no ${request.method} ${path}.`,
          'docs/API.md lists the paths of the admin API.',
        ),
      );
    }
    void reply.header('allow', allowed.join(', '));
    return sendError(
      reply,
      new ApiError(
        405,
        'method-not-allowed',
        `${path} does not accept ${request.method}.`,
        `Use ${allowed.join(' or ')}.`,
      ),
    );
  });
}

export function sendError(reply: FastifyReply, error: ApiError): FastifyReply {
  const { status } = error;
  if (status === 401) void reply.header('www-authenticate', 'Bearer realm="sparewheel"');
  if (status === 503 && !reply.hasHeader('retry-after')) void reply.header('retry-after', '1');
  return reply.code(status).type('application/json; charset=utf-8').send(errorBody(error));
}

/** Returns the error for the caller; null for an unexpected error. */
function asApiError(error: unknown): ApiError | null {
  if (error instanceof ApiError) return error;
  if (!(error instanceof Error)) return null;
  const { code, statusCode = 500 } = error as FastifyError;
  switch (code) {
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new ApiError(
        415,
        'not-json',
        'The body of this request must be JSON.',
        'Send it with "Content-Type: application/json".',
      );
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new ApiError(413, 'too-large', `The body is larger than ${LIMITS.apiBodyBytes} bytes.`);
  }
  if (statusCode >= 400 && statusCode < 500) {
    return new ApiError(statusCode, 'invalid-request', error.message.replace(/([^.])$/, '$1.'));
  }
  return null;
}
