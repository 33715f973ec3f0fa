import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { ApiError, type InferenceErrorBody } from '@sparewheel/protocol';
import type { FastifyInstance } from 'fastify';
import type { ApiParts } from './api-parts.ts';

/** The headers of the inference protocol in both directions. Others are removed. */
const FORWARDED = [
  'content-type',
  'content-length',
  'content-encoding',
  'inference-header-content-length',
  'accept',
] as const;
const RETURNED = ['content-type', 'content-length', 'inference-header-content-length'] as const;
const ERROR_RETURNED = ['retry-after'] as const;

/**
 * `POST /api/deployments/{name}/infer`: passes requests of the dashboard to the data plane's `/v2/models/{name}/infer`.
 * A page can only reach its own origin, and has no token for another.
 */
export function inferenceProxy(app: FastifyInstance, { deployments, dataPlane, inference }: ApiParts): void {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  app.addHook('onClose', async () => agent.destroy());
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, payload, done) => done(null, payload));

  app.post<{ Params: { name: string } }>(
    '/api/deployments/:name/infer',
    { config: { fields: ['body'] } },
    async (request, reply) => {
      const { name } = request.params;
      deployments.requireLive(name);
      const { port } = dataPlane;
      if (port === null || !dataPlane.listening) throw absent();

      const headers: Record<string, string> = { authorization: `Bearer ${inference.token}` };
      for (const header of FORWARDED) {
        const value = request.headers[header];
        if (typeof value === 'string') headers[header] = value;
      }
      const response = await new Promise<IncomingMessage>((resolve, reject) => {
        const onward = httpRequest(
          {
            host: inference.host,
            port,
            agent,
            method: 'POST',
            path: `/v2/models/${encodeURIComponent(name)}/infer`,
            headers,
          },
          resolve,
        );
        onward.on('error', () => reject(absent()));
        // The client disconnected, so the data plane cancels the request.
        reply.raw.on('close', () => {
          if (!reply.raw.writableFinished) onward.destroy();
        });
        const body = request.body as Readable | undefined;
        if (body === undefined) onward.end();
        else body.pipe(onward);
      });
      const returned = (response.statusCode ?? 502) < 400 ? RETURNED : ERROR_RETURNED;
      for (const header of returned) {
        const value = response.headers[header];
        if (value !== undefined) void reply.header(header, value);
      }
      const { statusCode = 502 } = response;
      if (statusCode < 400) return reply.code(statusCode).send(response);
      throw await errorOf(statusCode, response);
    },
  );
}

/** Reads an error of the data plane, to send it in the form of this port. */
async function errorOf(status: number, response: IncomingMessage): Promise<ApiError> {
  try {
    const body = JSON.parse(await text(response)) as Partial<InferenceErrorBody>;
    if (typeof body.error === 'string' && typeof body.code === 'string') {
      return new ApiError(status, body.code, body.error, body.hint);
    }
  } catch {
    // Not JSON, or the connection closed.
  }
  return new ApiError(
    status,
    'unexpected',
    `The data plane answered with status ${status} and no explanation.`,
  );
}

function absent(): ApiError {
  return new ApiError(
    503,
    'data-plane-starting',
    'The data plane is starting.',
    'Deployments come back by themselves. Try again in a second.',
  );
}
