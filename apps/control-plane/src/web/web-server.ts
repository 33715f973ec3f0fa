/** One port: `/api` by Fastify, the pages by Next.js to those who are signed in. Socket.IO hooks itself in before both. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Authentication } from '../api/authentication.ts';
import { answerJoining } from './joining.ts';

export type RequestHandler = (request: IncomingMessage, response: ServerResponse) => void;

export interface WebParts {
  readonly authentication: Authentication;
  readonly api: RequestHandler;
  readonly pages: RequestHandler;
  /** The data plane's origin, as a browser reaches it that came by this host name. */
  readonly dataPlaneUrl: (hostname: string) => string;
}

/** What a browser needs before it is signed in; a phone that joins as a device never is. */
const OPEN_PAGES = [
  '/sign-in',
  '/join',
  '/_next/',
  '/__nextjs',
  '/icon',
  '/favicon',
  '/apple-icon',
  '/manifest',
];
/** An upload of 2 GiB over a slow line; Node's own limit is five minutes. */
const LONGEST_REQUEST_MS = 3_600_000;

/** The server, not yet listening. Requests that come before `ready` wait for it. */
export function createWebServer(ready: Promise<WebParts>): Server {
  return createServer({ requestTimeout: LONGEST_REQUEST_MS }, (request, response) => {
    const { url = '/' } = request;
    // Seen here only until Socket.IO has hooked itself in. A dashboard that finds its way back during a restart tries again
    // at once; without an answer it would wait for its own time limit of 20 s.
    if (url.startsWith('/socket.io/')) {
      response.writeHead(503, { 'Retry-After': '1', Connection: 'close' }).end();
      return;
    }
    ready.then(
      (parts) => route(request, response, parts),
      () => response.writeHead(503).end(),
    );
  });
}

function route(request: IncomingMessage, response: ServerResponse, parts: WebParts): void {
  const { path, query } = addressed(request);
  if (path === '/api' || path.startsWith('/api/')) {
    parts.api(request, response);
    return;
  }
  response.setHeader('X-Content-Type-Options', 'nosniff');
  // Nobody may lay a transparent page over a Kill button.
  response.setHeader('X-Frame-Options', 'DENY');
  response.setHeader('Content-Security-Policy', "frame-ancestors 'none'");
  response.setHeader('Referrer-Policy', 'same-origin');

  if (path === '/join/data-plane') {
    answerJoining(request, response, parts);
    return;
  }
  const open = OPEN_PAGES.some((prefix) => path.startsWith(prefix));
  if (path === '/join' && query.has('token')) hideToken(response, query);
  else if (query.has('token')) signIn(request, response, parts.authentication);
  else if (open || parts.authentication.hasSession(request.headers)) parts.pages(request, response);
  else redirect(response, '/sign-in');
}

/** `/?token=…`, as the terminal prints it: the token leaves the address bar and becomes a cookie. */
function signIn(request: IncomingMessage, response: ServerResponse, authentication: Authentication): void {
  const { path, query } = addressed(request);
  const role = authentication.roleOf(query.get('token') ?? '');
  if (role !== 'operator') {
    redirect(response, `/sign-in?reason=${role === null ? 'unknown-token' : 'wrong-role'}`);
    return;
  }
  response.setHeader('Set-Cookie', authentication.sessionCookie());
  query.delete('token');
  const rest = query.toString();
  // One slash at the start, so that it stays on this host.
  redirect(response, `/${path.replace(/^[/\\]+/, '')}${rest === '' ? '' : `?${rest}`}`);
}

/** `/join?token=…` becomes `/join#token=…`: what stands behind # is sent to no server and stands in no log. */
function hideToken(response: ServerResponse, query: URLSearchParams): void {
  redirect(response, `/join#${query}`);
}

function addressed({ url = '/' }: IncomingMessage): {
  readonly path: string;
  readonly query: URLSearchParams;
} {
  const mark = url.indexOf('?');
  return mark === -1
    ? { path: url, query: new URLSearchParams() }
    : { path: url.slice(0, mark), query: new URLSearchParams(url.slice(mark + 1)) };
}

function redirect(response: ServerResponse, location: string): void {
  response.writeHead(303, { Location: location, 'Cache-Control': 'no-store' }).end();
}
