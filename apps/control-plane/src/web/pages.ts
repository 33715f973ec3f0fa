import { existsSync } from 'node:fs';
import type { Server } from 'node:http';
import { join } from 'node:path';
import { StartupError } from '../startup-error.ts';
import type { RequestHandler } from './web-server.ts';

export interface PagesOptions {
  /** The Next.js application's folder. */
  readonly directory: string;
  readonly development: boolean;
  readonly hostname: string;
  readonly port: number;
  /** Where Next.js may hook in its own WebSocket (development). */
  readonly server: Server;
}

/** @throws {StartupError} the pages are not built */
export function requireBuiltPages(directory: string): void {
  if (existsSync(join(directory, '.next', 'BUILD_ID'))) return;
  throw new StartupError(
    'The dashboard is not built.',
    'Start with "npm start", which builds what is missing.',
  );
}

/** Prepares the dashboard's pages. */
export async function preparePages(options: PagesOptions): Promise<RequestHandler> {
  const { directory, development, hostname, port, server } = options;
  // Only here: tests of everything else do without Next.js.
  const { default: next } = await import('next');
  const app = next({ dev: development, dir: directory, httpServer: server, hostname, port });
  await app.prepare();
  const handle = app.getRequestHandler();
  return (request, response) => void handle(request, response);
}
