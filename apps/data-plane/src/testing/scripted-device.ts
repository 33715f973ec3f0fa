/**
 * A device without a process: real sockets, plain arithmetic instead of an engine, and arbitrary misbehavior.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type ComputeRequest,
  type FromDevice,
  frameParser,
  type Hello,
  NAMESPACES,
  type Outcome,
  PROTOCOL_VERSION,
  type Task,
  TENSOR_EVENT,
  type ToDevice,
} from '@sparewheel/protocol';
import { io, type Socket } from 'socket.io-client';
import { TEST_TOKENS, type TestPlane } from './test-plane.ts';

export interface DeviceSocketsOptions {
  readonly id: string;
  readonly secret?: string;
  readonly token?: string;
  readonly protocol?: number;
  readonly incarnation?: string;
}

/** Opens the two connections of a device. The caller sends the hello. */
export function deviceSockets(
  url: string,
  options: DeviceSocketsOptions,
): { readonly control: Socket; readonly tensors: Socket } {
  const { id, secret, token, protocol, incarnation } = options;
  const auth = {
    protocol: protocol ?? PROTOCOL_VERSION,
    token: token ?? TEST_TOKENS.joinToken,
    device: { id, secret: secret ?? `the secret of ${id}, which is long enough` },
    incarnation: incarnation ?? `incarnation of ${id}`,
  };
  const socket = (namespace: string): Socket =>
    io(`${url}${namespace}`, {
      parser: frameParser,
      transports: ['websocket'],
      forceNew: true,
      reconnection: false,
      auth,
    });
  return { control: socket(NAMESPACES.control), tensors: socket(NAMESPACES.tensors) };
}

export function helloOf(name: string): Hello {
  return {
    name,
    agentVersion: 'scripted',
    platform: 'test',
    engine: 'wasm',
    processId: 1,
    memoryBytes: 1,
    held: [],
  };
}

export interface ScriptedDeviceOptions extends Partial<DeviceSocketsOptions> {
  readonly name?: string;
  /** Returns what the device sends instead of the correct answer. null sends nothing. */
  readonly misbehavior?: (
    correct: FromDevice & { kind: 'answer' },
    device: ScriptedDevice,
  ) => FromDevice | null;
}

let made = 0;

export class ScriptedDevice {
  readonly id: string;
  readonly name: string;
  readonly control: Socket;
  readonly tensors: Socket;
  /** Digests of the received blobs, one entry per chunk. */
  readonly chunks: string[] = [];
  readonly retained: string[][] = [];
  readonly computed: ComputeRequest[] = [];
  readonly #tasks = new Map<number, Float32Array>();
  readonly #blobs: string;

  constructor(plane: TestPlane, options: ScriptedDeviceOptions = {}) {
    made++;
    this.id = options.id ?? `scripted-${String(made).padStart(4, '0')}`;
    this.name = options.name ?? this.id;
    this.#blobs = plane.blobs;
    const incarnation = options.incarnation ?? `incarnation-${made}`;
    const { control, tensors } = deviceSockets(plane.url, { ...options, id: this.id, incarnation });
    this.control = control;
    this.tensors = tensors;
    this.control.on('connect', () => this.hello());
    this.control.on('blob', (chunk: { sha256: string }, done: (outcome: Outcome) => void) => {
      this.chunks.push(chunk.sha256);
      done({ ok: true });
    });
    this.control.on('load', (task: Task, done: (outcome: Outcome) => void) => {
      this.#load(task);
      done({ ok: true });
    });
    this.control.on('unload', ({ task }: { task: number }, done: (outcome: Outcome) => void) => {
      this.#tasks.delete(task);
      done({ ok: true });
    });
    this.control.on('retain', ({ blobs }: { blobs: string[] }, done: (outcome: Outcome) => void) => {
      this.retained.push(blobs);
      done({ ok: true });
    });
    this.tensors.on(TENSOR_EVENT, (message: ToDevice) => {
      if (message.kind !== 'compute') return;
      this.computed.push(message);
      const correct = this.#compute(message);
      const answer = options.misbehavior === undefined ? correct : options.misbehavior(correct, this);
      if (answer !== null) this.tensors.emit(TENSOR_EVENT, answer);
    });
  }

  hello(overrides: Partial<Hello> = {}, acknowledged: () => void = () => {}): void {
    const hello: Hello = { ...helloOf(this.name), ...overrides };
    this.control.emit('hello', hello, acknowledged);
  }

  /** Sends arbitrary bytes on the connection below Socket.IO. */
  sendRaw(socket: Socket, data: string | Uint8Array): void {
    (socket.io.engine as unknown as { write(data: string | Uint8Array): void }).write(data);
  }

  close(): void {
    this.control.disconnect();
    this.tensors.disconnect();
  }

  #load({ task, weights }: Task): void {
    const bytes = readFileSync(join(this.#blobs, weights!.sha256));
    const values = new Float32Array(
      bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength),
    );
    this.#tasks.set(task, values);
  }

  #compute({ request, task, tensors }: ComputeRequest): FromDevice & { kind: 'answer' } {
    const weights = this.#tasks.get(task)!;
    const x = tensors[0]!.data as Float32Array;
    const columns = weights.length / x.length;
    const data = Float32Array.from({ length: columns }, (_, column) =>
      x.reduce((sum, value, at) => sum + value * weights[at * columns + column]!, 0),
    );
    return {
      kind: 'answer',
      request,
      task,
      computeMicros: 1,
      tensors: [{ type: 'float32', dims: [1, columns], data }],
    };
  }
}

/** Resolves with the reason when the handshake of a socket is rejected. */
export function refusalOf(socket: Socket): Promise<{ code: string; message: string }> {
  return new Promise((resolve, reject) => {
    socket.once('connect_error', (error: Error & { data?: { code: string; message: string } }) =>
      error.data === undefined ? reject(error) : resolve(error.data),
    );
    socket.once('connect', () => reject(new Error('the handshake was accepted')));
  });
}

/** Resolves when the server has closed the connection. */
export function closed(socket: Socket): Promise<string> {
  return new Promise((resolve) => socket.once('disconnect', resolve));
}
