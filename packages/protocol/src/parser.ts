/**
 * The Socket.IO parser of the data plane's port. It sends tensor messages and blob chunks as one binary frame each,
 * without the placeholder packet of the default parser: broadcast and gather then cost 1.1–1.2 × raw TCP instead of
 * 2.3–2.8 ×. All other messages are the default parser's text.
 *
 * Both ends must use it: `new Server(…, { parser: frameParser })`, `io(url, { parser: frameParser })`.
 */
import { Emitter } from '@socket.io/component-emitter';
import { type Packet, PacketType, Decoder as TextDecoder, Encoder as TextEncoder } from 'socket.io-parser';
import { BLOB_KIND, type BlobChunk, decodeBlobFrame, encodeBlobFrame } from './blob-frame.ts';
import { decodeFrame, encodeFrame, MalformedFrameError, UnencodableMessageError } from './frame.ts';
import { BLOB_EVENT, type FromDevice, NAMESPACES, TENSOR_EVENT, type ToDevice } from './wire.ts';

/** The revision of the Socket.IO protocol. */
const SOCKET_IO_PROTOCOL = 5;

class FrameEncoder {
  readonly #text = new TextEncoder();

  /**
   * Encodes a packet. A room emit calls this once for all receivers.
   * @throws {UnencodableMessageError} binary data in any other event, or a message over its limits
   */
  encode(packet: Packet): (string | Uint8Array)[] {
    if (packet.type === PacketType.EVENT) {
      if (packet.nsp === NAMESPACES.tensors && packet.data[0] === TENSOR_EVENT) {
        if (packet.id !== undefined) {
          throw new UnencodableMessageError(
            'a tensor message has no acknowledgment: the answer is a message',
          );
        }
        return [encodeFrame(packet.data[1] as ToDevice | FromDevice)];
      }
      if (packet.nsp === NAMESPACES.control && packet.data[0] === BLOB_EVENT) {
        return [encodeBlobFrame(packet.data[1] as BlobChunk, packet.id)];
      }
    }
    const encoded = this.#text.encode(packet);
    if (encoded.length !== 1) {
      throw new UnencodableMessageError(
        `binary data is only allowed in '${TENSOR_EVENT}' on ${NAMESPACES.tensors} and '${BLOB_EVENT}' on ${NAMESPACES.control}`,
      );
    }
    return encoded;
  }
}

interface DecoderEvents {
  decoded: (packet: Packet) => void;
}

// biome-ignore lint/complexity/noBannedTypes: the emitter's type for "no events of this kind"
class FrameDecoder extends Emitter<{}, {}, DecoderEvents> {
  /** Rejects attachments: a peer could announce buffers that it never sends. */
  readonly #text = new TextDecoder({ maxAttachments: 0 });

  constructor() {
    super();
    this.#text.on('decoded', (packet: Packet) => this.emitReserved('decoded', packet));
  }

  /**
   * Decodes an engine.io message. Tensors and chunks in the emitted packet are views of it.
   * @throws {MalformedFrameError} Socket.IO then emits `error` on the server's sockets and closes the connection
   */
  add(data: unknown): void {
    if (typeof data === 'string') {
      this.#text.add(data);
      return;
    }
    const bytes = data instanceof ArrayBuffer ? new Uint8Array(data) : data;
    if (!(bytes instanceof Uint8Array))
      throw new MalformedFrameError('the message is neither text nor bytes', 0);
    this.emitReserved('decoded', bytes[2] === BLOB_KIND ? blobPacket(bytes) : tensorPacket(bytes));
  }

  /** Socket.IO calls this when the connection ends. */
  destroy(): void {
    this.#text.destroy();
  }
}

function tensorPacket(bytes: Uint8Array): Packet {
  return { type: PacketType.EVENT, nsp: NAMESPACES.tensors, data: [TENSOR_EVENT, decodeFrame(bytes)] };
}

function blobPacket(bytes: Uint8Array): Packet {
  const { chunk, acknowledgment } = decodeBlobFrame(bytes);
  const packet = { type: PacketType.EVENT, nsp: NAMESPACES.control, data: [BLOB_EVENT, chunk] };
  return acknowledgment === undefined ? packet : { ...packet, id: acknowledgment };
}

export const frameParser = { protocol: SOCKET_IO_PROTOCOL, Encoder: FrameEncoder, Decoder: FrameDecoder };
