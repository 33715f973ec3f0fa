/** Sends every error of the inference port in one form, also those of Fastify and of Node's HTTP parser. */
import { ApiError, type ErrorReport, errorReport, inferenceErrorBody } from '@sparewheel/protocol';
import { answerClientError } from '@sparewheel/runtime/client-error';
import { RouteMethods } from '@sparewheel/runtime/route-methods';
import type { FastifyInstance, FastifyReply, FastifyServerOptions } from 'fastify';
import { retryAfterSeconds, toApiError } from './coordinator-errors.ts';

/** Settings of Fastify for requests that reach no route: an address that does not decode, and invalid HTTP. */
export const EARLY_ERRORS = {
  frameworkErrors: (error, request, reply) =>
    void sendError(reply, {
      status: error.statusCode ?? 400,
      code: 'bad-address',
      message: `the address ${request.url} is not valid: ${error.message}`,
    }),
  clientErrorHandler: (error, socket) => answerClientError(error, socket, inferenceErrorBody),
} satisfies FastifyServerOptions;

/**
 * Sets the handlers of errors, unknown paths and wrong methods. Must precede the routes, to see them all.
 * @param onInternalError  receives every unexpected error (status 500)
 */
export function installErrorHandlers(
  app: FastifyInstance,
  onInternalError: ((error: unknown) => void) | undefined,
): void {
  const methods = new RouteMethods();
  app.addHook('onRoute', ({ method, url }) => methods.add(method, url));
  app.setErrorHandler((error, request, reply) => {
    const failure = failureOf(error);
    // A client that closed its connection is not an internal error.
    if (failure.status === 500 && !request.raw.socket.destroyed) onInternalError?.(error);
    const retryAfter = retryAfterSeconds(error);
    if (retryAfter !== null) reply.header('retry-after', retryAfter);
    if (failure.status === 401) reply.header('www-authenticate', 'Bearer realm="sparewheel"');
    if (failure.status === 415) reply.header('accept-encoding', 'gzip, deflate');
    sendError(reply, failure);
  });
  // A hook, because the handler below runs only after the body has been read.
  app.addHook('onRequest', async (request, reply) => {
    if (!request.is404) return;
    const path = request.url.replace(/\?.*$/s, '');
    const allowed = methods.of(path);
    if (allowed.length > 0) {
      reply.header('allow', allowed.join(', '));
      throw new ApiError(
        405,
        'method-not-allowed',
        `${path} does not accept ${request.method}`,
        `Use ${allowed.join(' or ')}.`,
      );
    }
    throw new ApiError(
      404,
      'not-found',
      `${request.method} ${path} does not exist`,
      'This port serves /v2 and agents; GET /v2 lists the extensions. The control plane serves the dashboard and /api on its own port.',
    );
  });
}

function failureOf(error: unknown): ErrorReport {
  const known = toApiError(error);
  if (known instanceof ApiError) return errorReport(known);
  // Errors of Fastify, for example an invalid content type.
  const { statusCode, code, message } = error as { statusCode?: number; code?: string; message: string };
  if (statusCode !== undefined && statusCode < 500) {
    return {
      status: statusCode,
      code:
        code
          ?.replace(/^FST_ERR_/, '')
          .replaceAll('_', '-')
          .toLowerCase() ?? 'bad-request',
      message,
    };
  }
  return errorReport(error);
}

function sendError(reply: FastifyReply, error: ErrorReport): FastifyReply {
  return reply.status(error.status).type('application/json; charset=utf-8').send(inferenceErrorBody(error));
}
