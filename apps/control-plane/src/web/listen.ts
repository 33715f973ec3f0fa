import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { StartupError } from '../startup-error.ts';

/**
 * Opens a port.
 * @param variable  the environment variable that sets it, for the hint
 * @throws {StartupError} taken, not allowed, or no address of this machine
 */
export async function listen(server: Server, host: string, port: number, variable: string): Promise<void> {
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (error) {
    throw cannotListen(error as NodeJS.ErrnoException, host, port, variable);
  }
}

/**
 * Finds out now what somebody else would find out later.
 * @throws {StartupError} as `listen`
 */
export async function requireFreePort(host: string, port: number, variable: string): Promise<void> {
  const server = createServer();
  await listen(server, host, port, variable);
  server.close();
  await once(server, 'close');
}

function cannotListen(
  error: NodeJS.ErrnoException,
  host: string,
  port: number,
  variable: string,
): StartupError {
  switch (error.code) {
    case 'EADDRINUSE':
      return new StartupError(
        `Port ${port} on ${host} is taken by another program.`,
        `Stop it, or choose another port with ${variable}: PORT=3100 DATA_PORT=3101 npm start`,
      );
    case 'EACCES':
      return new StartupError(
        `Port ${port} needs rights that this user does not have.`,
        `Choose one above 1023 with ${variable}.`,
      );
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new StartupError(
        `"${host}" is not an address of this machine.`,
        'Set HOST to 127.0.0.1, 0.0.0.0 or one of its own addresses.',
      );
    default:
      return new StartupError(`Port ${port} on ${host} cannot be opened: ${error.message}.`);
  }
}
