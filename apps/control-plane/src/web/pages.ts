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
  /** Next.js adds its WebSocket for development here. */
  readonly server: Server;
}

/** Checks that the pages are built. @throws {StartupError} */
export function requireBuiltPages(directory: string): void {
  if (existsSync(join(directory, '.next', 'BUILD_ID'))) return;
  throw new StartupError('The dashboard is not built.', 'Run "npm start", which builds it.');
}

/** Prepares the dashboard's pages. */
export async function preparePages(options: PagesOptions): Promise<RequestHandler> {
  const { directory, development, hostname, port, server } = options;
  // Imported here, so that other tests do not load Next.js.
  const { default: next } = await import('next');
  const app = next({ dev: development, dir: directory, httpServer: server, hostname, port });
  await app.prepare();
  const handle = app.getRequestHandler();
  return (request, response) => void handle(request, response);
}
