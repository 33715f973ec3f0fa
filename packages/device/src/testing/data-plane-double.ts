/** A data plane for tests: a real Socket.IO server and parser; the test sends and receives every message. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo, Socket as TcpSocket } from 'node:net';
import { tinyModel } from '@sparewheel/engine/testing';
import {
  bytesOf,
  type DeviceAuth,
  decodeFrame,
  encodeForStream,
  FrameSplitter,
  type FromDevice,
  frameParser,
  type Hello,
  LIMITS,
  NAMESPACES,
  type Outcome,
  parseDeviceAuth,
  parseFromDevice,
  parseHello,
  parseOutcome,
  parseSupervisedDevices,
  parseSupervisorAuth,
  type SupervisedDevice,
  type Task,
  TENSOR_EVENT,
  TENSOR_SOCKET,
  type ToDevice,
} from '@sparewheel/protocol';
import { Server, type Socket } from 'socket.io';

export const TOKEN = 'join-token-of-the-tests';

export interface JoinedDevice {
  readonly hello: Hello;
  readonly auth: DeviceAuth;
  readonly control: Socket;
}

/** Received messages, and the promises that wait for the next one. */
class Mailbox<Message> {
  readonly received: Message[] = [];
  #waiting: { wanted: (message: Message) => boolean; resolve: (message: Message) => void }[] = [];

  put(message: Message): void {
    this.received.push(message);
    for (const waiter of this.#waiting.filter(({ wanted }) => wanted(message))) {
      this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
      waiter.resolve(message);
    }
  }

  /** Resolves with the next wanted message that arrives after this call. */
  next(wanted: (message: Message) => boolean = () => true): Promise<Message> {
    return new Promise((resolve) => this.#waiting.push({ wanted, resolve }));
  }
}

/**
 * `none` issues no keys. The others do, and then emulate proxies: `refused` answers the upgrade with an error,
 * `ignored` never answers, and `cut` ends the socket after the upgrade.
 */
export type TensorSocketMode = 'accepted' | 'none' | 'refused' | 'ignored' | 'cut';

export class DataPlaneDouble {
  readonly hellos = new Mailbox<JoinedDevice>();
  readonly answers = new Mailbox<FromDevice>();
  readonly supervised = new Mailbox<SupervisedDevice[]>();
  readonly ended = new Mailbox<{ id: string; exitCode: number | null; signal: string | null }>();
  readonly statistics = new Mailbox<unknown>();
  readonly refusals = new Mailbox<string>();
  readonly lost = new Mailbox<{ namespace: string; reason: string }>();
  readonly #server: Server;
  /** Open tensor sockets, by device id. */
  readonly #tensorSockets = new Map<string, TcpSocket>();
  readonly port: number;

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
  }

  /**
   * @param port  0 for any; an earlier port emulates the restart of a data plane
   * @param tensorSockets  what happens to tensor sockets
   */
  static async start({
    port = 0,
    refuse = false,
    tensorSockets = 'accepted' as TensorSocketMode,
  } = {}): Promise<DataPlaneDouble> {
    const http = createServer();
    const server = new Server(http, {
      parser: frameParser,
      transports: ['websocket'],
      perMessageDeflate: false,
      serveClient: false,
      maxHttpBufferSize: LIMITS.frameBytes,
      // Long enough that a device on a busy test machine does not time out.
      pingInterval: 500,
      pingTimeout: 2_500,
    });
    http.listen(port, '127.0.0.1');
    await once(http, 'listening');
    const double = new DataPlaneDouble(server, (http.address() as AddressInfo).port);
    double.#listen(refuse);
    double.#listenForTensorSockets(http, tensorSockets);
    return double;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async stop(): Promise<void> {
    for (const socket of this.#tensorSockets.values()) socket.destroy();
    await this.#server.close();
  }

  #listen(refuse: boolean): void {
    for (const namespace of Object.values(NAMESPACES)) {
      const parse = namespace === NAMESPACES.supervisor ? parseSupervisorAuth : parseDeviceAuth;
      this.#server.of(namespace).use((socket, next) => {
        const { token } = parse(socket.handshake.auth);
        if (!refuse && token === TOKEN) return next();
        const message = 'the join token is wrong';
        this.refusals.put(namespace);
        next(Object.assign(new Error(message), { data: { code: 'unauthorized', message } }));
      });
      this.#server.of(namespace).on('connection', (socket) => {
        socket.on('disconnect', (reason) => this.lost.put({ namespace, reason }));
        socket.on('error', () => {});
      });
    }
    this.#server.of(NAMESPACES.control).on('connection', (socket) => {
      const auth = parseDeviceAuth(socket.handshake.auth);
      socket.on('hello', (message: unknown, acknowledge: (outcome: Outcome) => void) => {
        acknowledge({ ok: true });
        this.hellos.put({ hello: parseHello(message), auth, control: socket });
      });
      socket.on('statistics', (message: unknown) => this.statistics.put(message));
    });
    this.#server.of(NAMESPACES.tensors).on('connection', (socket) => {
      void socket.join(parseDeviceAuth(socket.handshake.auth).device.id);
      socket.on(TENSOR_EVENT, (message: FromDevice) => this.answers.put(parseFromDevice(message)));
    });
    this.#server.of(NAMESPACES.supervisor).on('connection', (socket) => {
      socket.on('devices', (message: unknown) => this.supervised.put(parseSupervisedDevices(message)));
      socket.on('ended', (message) => this.ended.put(message));
    });
  }

  #listenForTensorSockets(http: HttpServer, mode: TensorSocketMode): void {
    this.#server.of(NAMESPACES.control).on('connection', (socket) => {
      const { id } = parseDeviceAuth(socket.handshake.auth).device;
      socket.on('tensor-key', (acknowledge: (key: unknown) => void) =>
        acknowledge(mode === 'none' ? {} : { key: `the-key-of-${id}` }),
      );
      socket.on('disconnect', () => this.#tensorSockets.get(id)?.destroy());
    });
    http.on('upgrade', (request, duplex) => {
      if (request.url !== TENSOR_SOCKET.path) return;
      const socket = duplex as TcpSocket;
      socket.on('error', () => {});
      if (mode === 'ignored') return;
      if (mode === 'refused') {
        socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
        return;
      }
      const id = String(request.headers[TENSOR_SOCKET.keyHeader]).replace('the-key-of-', '');
      const splitter = new FrameSplitter((frame) => this.answers.put(parseFromDevice(decodeFrame(frame))));
      socket.on('data', (bytes) => splitter.push(bytes));
      socket.on('close', () => {
        if (this.#tensorSockets.get(id) === socket) this.#tensorSockets.delete(id);
      });
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\r\n');
      if (mode === 'cut') {
        socket.end();
        return;
      }
      this.#tensorSockets.set(id, socket);
    });
  }

  /** Sends on the tensor connection. Waits for it: the server may see it after the hello. */
  async send(device: JoinedDevice, message: ToDevice): Promise<void> {
    const socket = this.#tensorSockets.get(device.auth.device.id);
    if (socket !== undefined) {
      for (const part of encodeForStream(message)) socket.write(part);
      return;
    }
    const room = this.#server.of(NAMESPACES.tensors).to(device.auth.device.id);
    while (
      (await this.#server.of(NAMESPACES.tensors).in(device.auth.device.id).fetchSockets()).length === 0
    ) {
      await once(this.#server.of(NAMESPACES.tensors), 'connection');
    }
    room.emit(TENSOR_EVENT, message);
  }

  async ask(device: JoinedDevice, message: ToDevice): Promise<FromDevice> {
    const answer = this.answers.next(({ request }) => request === message.request);
    await this.send(device, message);
    return answer;
  }

  async command(device: JoinedDevice, event: string, message: unknown): Promise<Outcome> {
    return parseOutcome(await device.control.timeout(10_000).emitWithAck(event, message));
  }

  async supervise(command: string, message: unknown): Promise<Outcome> {
    const [socket] = await this.#server.of(NAMESPACES.supervisor).fetchSockets();
    const answers = await this.#server
      .of(NAMESPACES.supervisor)
      .to(socket!.id)
      .timeout(10_000)
      .emitWithAck(command, message);
    return parseOutcome(answers[0]);
  }

  /** Sends a blob in chunks. Returns the first failed outcome, or the last one. */
  async sendBlob(device: JoinedDevice, data: Uint8Array, chunkBytes: number): Promise<Outcome> {
    const sha256 = digestOf(data);
    let outcome: Outcome = { ok: true };
    for (let offset = 0; offset < data.byteLength && outcome.ok; offset += chunkBytes) {
      const chunk = data.subarray(offset, offset + chunkBytes);
      outcome = await this.command(device, 'blob', { sha256, bytes: data.byteLength, offset, data: chunk });
    }
    return outcome;
  }
}

export function digestOf(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

/** Returns a shard as deployments create it: a graph, and its weights in a second blob. */
export function tinyShard(task: number) {
  const model = { inner: 3, columns: 2, weights: Float32Array.of(1, 2, 3, 4, 5, 6) };
  const weights = bytesOf(model.weights);
  const graph = tinyModel({ ...model, location: digestOf(weights) });
  const definition: Task = {
    task,
    graph: { sha256: digestOf(graph), bytes: graph.byteLength },
    weights: { sha256: digestOf(weights), bytes: weights.byteLength },
    feeds: ['x'],
    fetches: ['y'],
  };
  return { model, graph, weights, definition };
}
