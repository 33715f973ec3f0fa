import { frameParser, MalformedFrameError, NAMESPACES } from '@sparewheel/protocol';
import { GATEWAY_LIMITS } from './gateway-limits.ts';

/** Text packets of Socket.IO begin with their type and namespace. Type 2 is an event. */
const TEXT_EVENT_ON_TENSORS = `2${NAMESPACES.tensors}`;

/** The decoder of the protocol with the checks that only a server needs. */
class BoundedDecoder extends frameParser.Decoder {
  /** @throws {MalformedFrameError} Socket.IO then closes the connection */
  override add(data: unknown): void {
    if (typeof data === 'string') {
      if (data.length > GATEWAY_LIMITS.textBytes) {
        throw new MalformedFrameError(
          `a text message of ${data.length} bytes exceeds the limit of ${GATEWAY_LIMITS.textBytes}`,
          0,
        );
      }
      // Socket.IO would deliver JSON as a tensor message, without the validation of a frame.
      if (data.startsWith(TEXT_EVENT_ON_TENSORS)) {
        throw new MalformedFrameError('tensor messages must be binary frames', 0);
      }
    }
    super.add(data);
  }
}

export const boundedParser = { ...frameParser, Decoder: BoundedDecoder };
