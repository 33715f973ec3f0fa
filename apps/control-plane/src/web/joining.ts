import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ErrorBody } from '@sparewheel/protocol';
import type { Authentication } from '../api/authentication.ts';
import { hostnameOf } from './first-state.ts';

interface JoiningParts {
  readonly authentication: Authentication;
  readonly dataPlaneUrl: (hostname: string) => string;
}

/** Answers `GET /join/data-plane`: gives a page with the join token the address to which devices connect. */
export function answerJoining(
  { method, headers }: IncomingMessage,
  response: ServerResponse,
  { authentication, dataPlaneUrl }: JoiningParts,
): void {
  const [, token = ''] = /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '') ?? [];
  const role = authentication.roleOf(token);
  response.setHeader('Cache-Control', 'no-store');
  if (method !== 'GET') fail(response, 405, 'method-not-allowed', 'This path answers GET only.');
  else if (role === null) fail(response, 401, 'unauthorized', 'The join token is not known.');
  else if (role !== 'join')
    fail(response, 403, 'wrong-role', `This is the ${role} token, not the join token.`);
  else send(response, 200, { url: dataPlaneUrl(hostnameOf(headers.host)) });
}

function fail(response: ServerResponse, status: number, code: string, message: string): void {
  const hint =
    'Use the join token that Sparewheel printed at its first start, or the value of SPAREWHEEL_JOIN_TOKEN.';
  send(response, status, { error: { code, message, hint } } satisfies ErrorBody);
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
}
