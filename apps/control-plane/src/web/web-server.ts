/** One port: Fastify serves `/api`, Next.js the pages for a session, Socket.IO its path before both. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { errorBody } from '@sparewheel/protocol';
import { answerClientError } from '@sparewheel/runtime/client-error';
import { type ServeAgentParts, serveAgent, servesAgent } from '../agent-packages/serve-agent.ts';
import type { Authentication } from '../api/authentication.ts';
import { log } from '../log.ts';
import { answerJoining, JOINING_PATHS, type JoiningParts } from './joining.ts';

export type RequestHandler = (request: IncomingMessage, response: ServerResponse) => void;

export interface WebParts extends JoiningParts, ServeAgentParts {
  readonly api: RequestHandler;
  readonly pages: RequestHandler;
}

/** Paths that need no session: signing in, and joining as a device. */
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
/** Enough for an upload of 2 GiB over a slow connection. Node's default is five minutes. */
const LONGEST_REQUEST_MS = 3_600_000;

/** Creates the server, which does not listen yet. Requests wait for `ready`. */
export function createWebServer(ready: Promise<WebParts>): Server {
  const server = createServer({ requestTimeout: LONGEST_REQUEST_MS }, (request, response) => {
    const { url = '/' } = request;
    // Socket.IO is not ready yet. With this answer a dashboard reconnects soon after a restart; without one it would wait
    // for its timeout of 20 s.
    if (url.startsWith('/socket.io/')) {
      response.writeHead(503, { 'Retry-After': '1', Connection: 'close' }).end();
      return;
    }
    ready.then(
      (parts) => route(request, response, parts),
      () => response.writeHead(503).end(),
    );
  });
  server.on('clientError', (error, socket) => answerClientError(error, socket, errorBody));
  return server;
}

function route(request: IncomingMessage, response: ServerResponse, parts: WebParts): void {
  const { path, query } = addressed(request);
  if (path === '/api' || path.startsWith('/api/')) {
    parts.api(request, response);
    return;
  }
  response.setHeader('X-Content-Type-Options', 'nosniff');
  // Another site must not frame the page and trick the user into clicking Kill.
  response.setHeader('X-Frame-Options', 'DENY');
  response.setHeader('Content-Security-Policy', "frame-ancestors 'none'");
  response.setHeader('Referrer-Policy', 'same-origin');

  if (JOINING_PATHS.has(path)) {
    answerJoining(request, response, parts);
    return;
  }
  if (servesAgent(path)) {
    serveAgent(request, response, parts).catch((error: unknown) => {
      log.error({ err: error }, 'cannot serve the agent');
      response.writeHead(500).end();
    });
    return;
  }
  const open = OPEN_PAGES.some((prefix) => path.startsWith(prefix));
  if (path === '/join' && query.has('token')) hideToken(response, query);
  else if (query.has('token')) signIn(request, response, parts.authentication);
  else if (open || parts.authentication.hasSession(request.headers)) parts.pages(request, response);
  else redirect(response, '/sign-in');
}

/** Answers `/?token=…`, the address in the terminal: replaces the token in the address by a cookie. */
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
  // A single slash at the start keeps the redirect on this host.
  redirect(response, `/${path.replace(/^[/\\]+/, '')}${rest === '' ? '' : `?${rest}`}`);
}

/** Redirects `/join?token=…` to `/join#token=…`: browsers never send a fragment, so no log contains the token. */
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
