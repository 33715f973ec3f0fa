import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ErrorBody, JoinedSeatView } from '@sparewheel/protocol';
import type { Authentication } from '../api/authentication.ts';
import { hostnameOf } from './first-state.ts';

export interface JoiningParts {
  readonly authentication: Authentication;
  /** Returns the data plane's origin for a browser that reached this server by a host name. */
  readonly dataPlaneUrl: (hostname: string) => string;
  /** Returns what a device computes. */
  readonly joinedSeats: (device: string) => readonly JoinedSeatView[];
}

/** The paths that a page with the join token may ask. */
export const JOINING_PATHS: ReadonlySet<string> = new Set(['/join/data-plane', '/join/shards']);

/**
 * Answers `GET /join/data-plane` with the address to which devices connect, and `GET /join/shards?device=ID` with what a
 * device computes. Both need the join token.
 */
export function answerJoining(
  { method, headers, url = '/' }: IncomingMessage,
  response: ServerResponse,
  { authentication, dataPlaneUrl, joinedSeats }: JoiningParts,
): void {
  const { pathname, searchParams } = new URL(url, 'http://localhost');
  const [, token = ''] = /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '') ?? [];
  const role = authentication.roleOf(token);
  response.setHeader('Cache-Control', 'no-store');
  if (method !== 'GET') {
    response.setHeader('Allow', 'GET');
    fail(response, 405, 'method-not-allowed', 'This path answers GET only.');
  } else if (role === null) fail(response, 401, 'unauthorized', 'The join token is not known.');
  else if (role !== 'join')
    fail(response, 403, 'wrong-role', `This is the ${role} token, not the join token.`);
  else if (pathname === '/join/shards') {
    send(response, 200, { seats: joinedSeats(searchParams.get('device') ?? '') });
  } else send(response, 200, { url: dataPlaneUrl(hostnameOf(headers.host)) });
}

function fail(response: ServerResponse, status: number, code: string, message: string): void {
  const hint =
    'Scan the QR code again, or ask the operator for the join token. The dashboard shows it under “Add a device”.';
  send(response, status, { error: { code, message, hint } } satisfies ErrorBody);
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
}
