import { type HandshakeRefusal, PROTOCOL_VERSION } from '@sparewheel/protocol';
import type { Access } from '@sparewheel/runtime/access';
import type { Namespace, Socket } from 'socket.io';
import type { RefusalLog } from './refusal-log.ts';

/** Somebody may not come in. The message goes to the agent, which shows it, and into the events. */
export class HandshakeRefusedError extends Error {
  override readonly name = 'HandshakeRefusedError';
  readonly code: HandshakeRefusal['code'];
  /** The id that was claimed; null where none was or it is not to be trusted. */
  readonly device: string | null;

  constructor(code: HandshakeRefusal['code'], message: string, device: string | null = null) {
    super(message);
    this.code = code;
    this.device = device;
  }
}

/**
 * Lets sockets into a namespace that pass a check.
 * @param check  throws HandshakeRefusedError
 */
export function guardNamespace(
  namespace: Pick<Namespace, 'use'>,
  refusals: RefusalLog,
  check: (socket: Socket) => void,
): void {
  namespace.use((socket, next) => {
    try {
      check(socket);
    } catch (error) {
      if (!(error instanceof HandshakeRefusedError)) throw error;
      const { code, message, device } = error;
      refusals.add(device, code, message, performance.now());
      next(Object.assign(new Error(message), { data: { code, message } satisfies HandshakeRefusal }));
      return;
    }
    next();
  });
}

/**
 * Reads a handshake's `auth`, the version before anything else: another version may well look different.
 * @throws {HandshakeRefusedError}
 */
export function readAuth<Auth>(socket: Socket, parse: (value: unknown) => Auth): Auth {
  const { protocol } = socket.handshake.auth as { protocol?: unknown };
  if (protocol !== PROTOCOL_VERSION) {
    const theirs = typeof protocol === 'number' ? protocol : 'none';
    throw new HandshakeRefusedError(
      'wrong-protocol',
      `this data plane speaks protocol version ${PROTOCOL_VERSION}, the agent ${theirs}; use the same release on both sides`,
    );
  }
  try {
    return parse(socket.handshake.auth);
  } catch (error) {
    throw new HandshakeRefusedError('wrong-protocol', (error as Error).message);
  }
}

/** @throws {HandshakeRefusedError} */
export function requireJoinToken(access: Access, token: string, device: string | null = null): void {
  if (access.admits(token, 'join')) return;
  throw new HandshakeRefusedError(
    'unauthorized',
    'the join token is wrong; see SPAREWHEEL_JOIN_TOKEN of the control plane',
    device,
  );
}
