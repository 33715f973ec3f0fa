/** Every error of the API in one shape, and never a stack trace. */
import type { ApiError } from '@sparewheel/protocol';
import { LIMITS } from '@sparewheel/protocol';
import type { FastifyError, FastifyInstance, FastifyReply } from 'fastify';
import { RequestFailure } from '../data-plane/request-failure.ts';

export function installFailureHandlers(app: FastifyInstance): void {
  app.setErrorHandler((error: unknown, request, reply) => {
    const failure = asFailure(error);
    if (failure === null) {
      console.error(`${request.method} ${request.url.replace(/\?.*/, '')} failed:`, error);
      return sendFailure(
        reply,
        new RequestFailure(
          500,
          'internal',
          'Something went wrong inside Sparewheel.',
          'This is a bug; the log of the control plane has the details.',
        ),
      );
    }
    return sendFailure(reply, failure);
  });
  app.setNotFoundHandler((request, reply) =>
    sendFailure(
      reply,
      new RequestFailure(
        404,
        'unknown-path',
        `There is no ${request.method} ${request.url.replace(/\?.*/, '')} here.`,
        'The README lists the paths of the admin API.',
      ),
    ),
  );
}

export function sendFailure(
  reply: FastifyReply,
  { status, code, message, hint }: RequestFailure,
): FastifyReply {
  const body: ApiError = { error: { code, message, ...(hint === undefined ? {} : { hint }) } };
  if (status === 401) void reply.header('www-authenticate', 'Bearer realm="sparewheel"');
  if (status === 503) void reply.header('retry-after', '1');
  return reply.code(status).type('application/json; charset=utf-8').send(body);
}

/** @returns null for what nobody foresaw */
function asFailure(error: unknown): RequestFailure | null {
  if (error instanceof RequestFailure) return error;
  if (!(error instanceof Error)) return null;
  const { code, statusCode = 500 } = error as FastifyError;
  switch (code) {
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new RequestFailure(
        415,
        'not-json',
        'The body of this request must be JSON.',
        'Send it with "Content-Type: application/json".',
      );
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new RequestFailure(413, 'too-large', `The body is larger than ${LIMITS.apiBodyBytes} bytes.`);
  }
  if (statusCode >= 400 && statusCode < 500) {
    return new RequestFailure(statusCode, 'invalid-request', error.message.replace(/([^.])$/, '$1.'));
  }
  return null;
}
