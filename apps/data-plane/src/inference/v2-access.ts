/** What a call of the inference protocol needs first: a token, and a deployment. The same over HTTP and gRPC. */
import { ApiError } from '@sparewheel/protocol';
import type { Access } from '@sparewheel/runtime/access';
import { type InferenceBackend, MODEL_VERSION, type ServedModel } from './types.ts';

/**
 * Checks that a caller may use the inference protocol.
 * @param authorization  the header (HTTP) or the metadata (gRPC) `authorization`
 * @throws {ApiError} 401: no token, or an unknown one; 403: the token of another role
 */
export function requireInferenceToken(access: Access, authorization: string | undefined): void {
  const token = /^Bearer (.+)$/i.exec(authorization ?? '')?.[1];
  const hint = 'Send Authorization: Bearer with SPAREWHEEL_INFER_TOKEN or the operator token.';
  if (token === undefined) throw new ApiError(401, 'unauthorized', 'a token is missing', hint);
  if (access.admits(token, 'infer')) return;
  const role = access.roleOf(token);
  if (role === null) throw new ApiError(401, 'unauthorized', 'the token is unknown', hint);
  throw new ApiError(403, 'forbidden', `the ${role} token does not allow inference`, hint);
}

/**
 * Returns a deployment.
 * @param version  undefined or empty for the only version
 * @throws {ApiError} 404: no such deployment, or no such version
 */
export function requireModel(
  backend: InferenceBackend,
  name: string,
  version: string | undefined,
): ServedModel {
  const model = backend.model(name);
  if (model === null) {
    throw new ApiError(
      404,
      'unknown-model',
      `no deployment is named '${name}'`,
      'Use the name of the deployment, not of the model. POST /v2/repository/index lists the deployments.',
    );
  }
  if (version !== undefined && version !== '' && version !== MODEL_VERSION) {
    throw new ApiError(
      404,
      'unknown-version',
      `deployment '${name}' has only version '${MODEL_VERSION}', not '${version}'`,
    );
  }
  return model;
}
