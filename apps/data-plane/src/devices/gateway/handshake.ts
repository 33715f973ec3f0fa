import { type HandshakeRefusal, PROTOCOL_VERSION } from '@sparewheel/protocol';
import type { Access } from '@sparewheel/runtime/access';
import type { Namespace, Socket } from 'socket.io';
import { GATEWAY_LIMITS } from './gateway-limits.ts';

/** A rejected handshake. The agent shows the message, and the message is reported as an event. */
export class HandshakeRefusedError extends Error {
  override readonly name = 'HandshakeRefusedError';
  readonly code: HandshakeRefusal['code'];
  /** The claimed device id. null if there was none, or if the id is not to be trusted. */
  readonly device: string | null;

  constructor(code: HandshakeRefusal['code'], message: string, device: string | null = null) {
    super(message);
    this.code = code;
    this.device = device;
  }
}

/** Reports rejections, each kind at most once a minute per device: rejected agents keep retrying. */
export class RefusalLog {
  readonly #report: (device: string | null, message: string) => void;
  readonly #reportedAt = new Map<string, number>();

  constructor(report: (device: string | null, message: string) => void) {
    this.#report = report;
  }

  add(device: string | null, code: string, message: string, nowMs: number): void {
    const key = `${code} ${device}`;
    const last = this.#reportedAt.get(key);
    if (last !== undefined && nowMs - last < GATEWAY_LIMITS.refusalEveryMs) return;
    // The peers choose the ids, so the map must be bounded. The oldest entry goes first.
    this.#reportedAt.delete(key);
    this.#reportedAt.set(key, nowMs);
    if (this.#reportedAt.size > GATEWAY_LIMITS.refusalsRemembered) {
      const [oldest] = this.#reportedAt.keys();
      this.#reportedAt.delete(oldest!);
    }
    this.#report(device, message);
  }
}

/**
 * Admits only sockets that pass a check to a namespace.
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
 * Reads the `auth` of a handshake. Checks the version first, because another version may have other fields.
 * @throws {HandshakeRefusedError}
 */
export function readAuth<Auth>(socket: Socket, parse: (value: unknown) => Auth): Auth {
  const { protocol } = socket.handshake.auth as { protocol?: unknown };
  if (protocol !== PROTOCOL_VERSION) {
    throw new HandshakeRefusedError('wrong-protocol', otherProtocol(protocol));
  }
  try {
    return parse(socket.handshake.auth);
  } catch (error) {
    throw new HandshakeRefusedError('wrong-protocol', (error as Error).message);
  }
}

/** Says which side to update. */
function otherProtocol(theirs: unknown): string {
  if (typeof theirs !== 'number')
    return 'the handshake names no protocol version; only agents of Sparewheel can connect';
  const versions = `(protocol ${theirs} and ${PROTOCOL_VERSION})`;
  return theirs < PROTOCOL_VERSION
    ? `this agent is older than its control plane ${versions}; update it: run the command that the dashboard shows under "Add a device"`
    : `this agent is newer than its control plane ${versions}; update the control plane, or install the agent from it`;
}

/** @throws {HandshakeRefusedError} */
export function requireJoinToken(access: Access, token: string, device: string | null = null): void {
  if (access.admits(token, 'join')) return;
  throw new HandshakeRefusedError(
    'unauthorized',
    'the join token is wrong; use SPAREWHEEL_JOIN_TOKEN of the control plane',
    device,
  );
}
