/** `/v2/models/…`: metadata, configuration, statistics, and `infer`. */
import type { FastifyInstance, FastifyRequest, onRequestHookHandler } from 'fastify';
import type { InferenceBody } from './body.ts';
import { chooseEncoding, compressed } from './content-encoding.ts';
import { describeConfiguration, describeModel, describeStatistics } from './descriptions.ts';
import { runInferCall } from './infer-call.ts';
import { readJsonRequest } from './json-request.ts';
import { resolveRequest } from './request.ts';
import { writeInferenceResponse } from './response.ts';
import { HEADER_LENGTH_HEADER, type InferenceBackend, type ServedModel } from './types.ts';
import { requireModel } from './v2-access.ts';

interface ByName {
  Params: { readonly name: string; readonly version?: string };
}

/** @param authorize  rejects requests without a token for inference */
export function modelRoutes(
  app: FastifyInstance,
  backend: InferenceBackend,
  authorize: onRequestHookHandler,
): void {
  const served = ({ params }: FastifyRequest): ServedModel => {
    const { name, version } = params as ByName['Params'];
    return requireModel(backend, name, version);
  };
  const authorized = { onRequest: authorize };

  app.get('/v2/models/stats', authorized, async () => describeStatistics(backend.models()));

  for (const path of ['/v2/models/:name', '/v2/models/:name/versions/:version']) {
    app.get(path, authorized, async (request) => describeModel(served(request)));
    app.get(`${path}/config`, authorized, async (request) => describeConfiguration(served(request)));
    app.get(`${path}/stats`, authorized, async (request) => describeStatistics([served(request)]));
    app.get(`${path}/ready`, authorized, async (request, reply) => {
      const { name, state } = served(request);
      return reply.status(state === 'READY' ? 200 : 503).send({ name, ready: state === 'READY' });
    });
    app.post<ByName & { Body: InferenceBody | undefined }>(
      `${path}/infer`,
      {
        // Runs before the body is read, so that a client cannot send 64 MB to an unknown name.
        onRequest: [authorize, async (request) => void served(request)],
      },
      async (request, reply) => {
        const model = served(request);
        const { json, binary } = request.body ?? { json: '', binary: new Uint8Array() };
        const abort = new AbortController();
        // Also emitted after a complete response, when an abort has no effect.
        reply.raw.once('close', () => abort.abort());
        const { body, headerLength } = await runInferCall(
          backend,
          model,
          abort.signal,
          () => resolveRequest(readJsonRequest(json, binary, model.name), model),
          (call, result) => writeInferenceResponse(model.name, call, result),
        );
        if (headerLength !== null) reply.header(HEADER_LENGTH_HEADER, headerLength);
        reply
          .type(headerLength === null ? 'application/json; charset=utf-8' : 'application/octet-stream')
          .header('vary', 'accept-encoding');
        const encoding = chooseEncoding(request.headers['accept-encoding']);
        const smaller = encoding === null ? null : await compressed(body, encoding);
        if (encoding === null || smaller === null) return reply.send(body);
        return reply.header('content-encoding', encoding).send(smaller);
      },
    );
  }
}
