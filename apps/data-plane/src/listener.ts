import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { LIMITS, NAMESPACES } from '@sparewheel/protocol';
import type { FastifyInstance } from 'fastify';
import { Server as SocketServer } from 'socket.io';
import { AnonymousConnections } from './devices/gateway/anonymous-connections.ts';
import { boundedParser } from './devices/gateway/bounded-parser.ts';
import { GATEWAY_LIMITS } from './devices/gateway/gateway-limits.ts';
import { createV2Server, type V2ServerOptions } from './inference/v2-server.ts';

/**
 * Idle timeout of a kept-alive connection. Longer than that of clients and proxies, so that they close first.
 */
const KEEP_ALIVE_MS = 75_000;
/** Timeout for receiving a whole request. */
const REQUEST_MS = 120_000;

/** The data plane cannot open its port. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** The data plane's port: inference over HTTP, and agents over Socket.IO and tensor sockets on the same server. */
export class Listener {
  readonly server: HttpServer;
  readonly io: SocketServer;
  readonly #app: FastifyInstance;

  constructor(v2: V2ServerOptions) {
    this.server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS, requestTimeout: REQUEST_MS });
    this.#app = createV2Server(this.server, v2);
    const anonymous = new AnonymousConnections();
    // Must come after Fastify: Socket.IO takes over the existing request listeners.
    this.io = new SocketServer(this.server, {
      path: '/socket.io',
      transports: ['websocket'],
      parser: boundedParser,
      serveClient: false,
      perMessageDeflate: false,
      maxHttpBufferSize: LIMITS.frameBytes,
      pingInterval: LIMITS.pingIntervalMs,
      pingTimeout: LIMITS.pingTimeoutMs,
      connectTimeout: LIMITS.helloTimeoutMs,
      allowRequest: (request, decide) =>
        decide(
          null,
          this.io.engine.clientsCount < GATEWAY_LIMITS.connections &&
            anonymous.allows(request.socket.remoteAddress ?? ''),
        ),
    });
    this.io.engine.on('connection', (connection) => {
      anonymous.opened(connection, connection.remoteAddress);
      connection.on('close', () => anonymous.settled(connection));
    });
    for (const namespace of Object.values(NAMESPACES)) {
      this.io.of(namespace).on('connection', ({ conn }) => anonymous.settled(conn));
    }
  }

  /**
   * Opens the port.
   * @param port  0 lets the system choose
   * @returns the open port
   * @throws {ListenError} the port is taken or not permitted, or the host is not an address of this machine
   */
  async listen(host: string, port: number): Promise<number> {
    try {
      await this.#app.listen({ host, port });
    } catch (error) {
      throw listenError(error as NodeJS.ErrnoException, host, port);
    }
    return (this.#app.server.address() as AddressInfo).port;
  }

  /** Closes the connections of agents, finishes responses, and frees the port. */
  async close(): Promise<void> {
    this.io.disconnectSockets(true);
    this.io.engine.close();
    await this.#app.close();
  }
}

/** Returns the error for the port of gRPC, which reports the system's code as text. */
export function grpcListenError({ message }: Error, host: string, port: number): ListenError {
  const code = /\b(EADDRINUSE|EACCES|EADDRNOTAVAIL)\b/.exec(message)?.[1];
  return listenError({ code, message }, host, port, 'GRPC_PORT');
}

function listenError(
  error: { readonly code?: string | undefined; readonly message: string },
  host: string,
  port: number,
  variable = 'DATA_PORT',
): ListenError {
  switch (error.code) {
    case 'EADDRINUSE':
      return new ListenError(
        'port-taken',
        `port ${port} on ${host} is used by another program; stop it, or set ${variable} to a free port`,
      );
    case 'EACCES':
      return new ListenError(
        'port-forbidden',
        `this user may not open port ${port}; set ${variable} to a port above 1023`,
      );
    case 'EADDRNOTAVAIL':
      return new ListenError('no-such-address', `${host} is not an address of this machine; set HOST`);
    default:
      return new ListenError('cannot-listen', `cannot listen on ${host}:${port}: ${error.message}`);
  }
}
