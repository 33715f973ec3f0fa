import { frameParser, MalformedFrameError, NAMESPACES } from '@sparewheel/protocol';
import { GATEWAY_LIMITS } from './gateway-limits.ts';

/** Text packets of Socket.IO begin with their type and namespace; 2 is an event. */
const TEXT_EVENT_ON_TENSORS = `2${NAMESPACES.tensors}`;

/** The protocol's decoder with what only the receiving server has to fear. */
class BoundedDecoder extends frameParser.Decoder {
  /** @throws {MalformedFrameError} Socket.IO then closes the connection */
  override add(data: unknown): void {
    if (typeof data === 'string') {
      if (data.length > GATEWAY_LIMITS.textBytes) {
        throw new MalformedFrameError(
          `a text message of ${data.length} bytes, the limit is ${GATEWAY_LIMITS.textBytes}`,
          0,
        );
      }
      // JSON there would pass for a tensor message without having been validated as a frame.
      if (data.startsWith(TEXT_EVENT_ON_TENSORS)) {
        throw new MalformedFrameError('tensor messages are binary frames', 0);
      }
    }
    super.add(data);
  }
}

export const boundedParser = { ...frameParser, Decoder: BoundedDecoder };
