import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { StartupError } from '../startup-error.ts';

/**
 * Listens on a port.
 * @param variable  the environment variable that sets the port, for the hint
 * @throws {StartupError} the port is taken or not allowed, or the host is not an address of this machine
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
 * Checks that a port is free, before another thread listens on it.
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
        `Stop it, or choose another port with ${variable}: PORT=3100 DATA_PORT=3101 GRPC_PORT=3102 npm start`,
      );
    case 'EACCES':
      return new StartupError(
        `This user may not listen on port ${port}.`,
        `Choose a port above 1023 with ${variable}.`,
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
