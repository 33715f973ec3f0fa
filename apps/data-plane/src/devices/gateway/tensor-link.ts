import { encodeForStream, encodeFrame, type FromDevice, type ToDevice } from '@sparewheel/protocol';

/** A message to one or more devices, encoded at most once per kind of link. */
export class OutgoingMessage {
  readonly #message: ToDevice;
  #frame: Uint8Array | undefined;
  #parts: readonly Uint8Array[] | undefined;

  constructor(message: ToDevice) {
    this.#message = message;
  }

  /** One frame. @throws {UnencodableMessageError} */
  get frame(): Uint8Array {
    this.#frame ??= encodeFrame(this.#message);
    return this.#frame;
  }

  /** The frame with its stream prefix, in parts; large tensors are not copied. @throws {UnencodableMessageError} */
  get parts(): readonly Uint8Array[] {
    this.#parts ??= encodeForStream(this.#message);
    return this.#parts;
  }
}

/** The connection that carries the tensors of one device. */
export interface TensorLink {
  /** Whether the link must end with the control connection, because its key came from there. */
  readonly boundToControl: boolean;
  /**
   * Sends a message, or drops it if the connection is broken. Throws for no other reason than its encoding.
   * @throws {UnencodableMessageError} the message exceeds a limit; nothing was sent
   */
  send(message: OutgoingMessage): void;
  /** Closes the connection. The event `closed` follows. */
  close(): void;
}

/** Receives what happens on a tensor link. */
export interface TensorLinkEvents {
  received(message: ToDevice | FromDevice): void;
  /** The peer sent bytes that are not a frame. */
  malformed(error: unknown): void;
  closed(reason: string): void;
}
