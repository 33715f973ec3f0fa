import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ErrorBody } from '@sparewheel/protocol';
import type { Authentication } from '../api/authentication.ts';

interface JoiningParts {
  readonly authentication: Authentication;
  readonly dataPlaneUrl: (hostname: string) => string;
}

/** `GET /join/data-plane`: tells a page that has the join token where devices connect, and says whether it is right. */
export function answerJoining(
  { method, headers }: IncomingMessage,
  response: ServerResponse,
  { authentication, dataPlaneUrl }: JoiningParts,
): void {
  const [, token = ''] = /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '') ?? [];
  const role = authentication.roleOf(token);
  response.setHeader('Cache-Control', 'no-store');
  if (method !== 'GET') fail(response, 405, 'method-not-allowed', 'This answers GET.');
  else if (role === null) fail(response, 401, 'unauthorised', 'The join token is not known.');
  else if (role !== 'join')
    fail(response, 403, 'wrong-role', `This is the ${role} token, not the join token.`);
  else send(response, 200, { url: dataPlaneUrl(hostnameOf(headers.host)) });
}

function hostnameOf(host = 'localhost'): string {
  return URL.canParse(`http://${host}`) ? new URL(`http://${host}`).hostname : 'localhost';
}

function fail(response: ServerResponse, status: number, code: string, message: string): void {
  const hint = 'It was printed at the first start; where SPAREWHEEL_JOIN_TOKEN is set, it is that one.';
  send(response, status, { error: { code, message, hint } } satisfies ErrorBody);
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
}
