/** Who is asking: by the Authorization header, or by the dashboard's cookie. */
import { createHmac } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { ApiError } from '@sparewheel/protocol';
import { Access, equalDigests, type Role } from '@sparewheel/runtime/access';
import type { Tokens } from '../tokens.ts';

/** A browser is asked to sign in again after this; the token stays the same. */
const SESSION_SECONDS = 30 * 24 * 3600;

export class Authentication {
  readonly #access: Access;
  readonly #session: string;
  readonly #cookieName: string;

  /** @param port  of the dashboard: cookies do not tell ports apart, so the name does */
  constructor(tokens: Tokens, port: number) {
    this.#access = new Access({
      operatorToken: tokens.operator,
      joinToken: tokens.join,
      inferToken: tokens.infer,
    });
    // Derived, so that the cookie outlives a restart, does not hold the token, and ends with it.
    this.#session = createHmac('sha256', tokens.operator)
      .update('sparewheel dashboard session')
      .digest('hex');
    this.#cookieName = `sparewheel_session_${port}`;
  }

  /** @returns null for a token that nobody was given */
  roleOf(token: string): Role | null {
    return this.#access.roleOf(token);
  }

  hasSession(headers: IncomingHttpHeaders): boolean {
    const value = cookieValue(headers.cookie ?? '', this.#cookieName);
    return value !== null && equalDigests(value, this.#session);
  }

  /** The Set-Cookie header that signs a browser in. */
  sessionCookie(): string {
    return `${this.#cookieName}=${this.#session}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${SESSION_SECONDS}`;
  }

  /** The Set-Cookie header that signs it out. */
  expiredCookie(): string {
    return `${this.#cookieName}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0`;
  }

  /**
   * Lets the operator through.
   * @param changes  the request changes something: a cookie then counts only from our own pages
   * @throws {ApiError} 401 nobody known; 403 another role, or another site's page with the operator's cookie
   */
  requireOperator(headers: IncomingHttpHeaders, changes: boolean): void {
    const { authorization } = headers;
    if (authorization !== undefined) {
      const [, token] = /^Bearer +(\S+) *$/i.exec(authorization) ?? [];
      if (token === undefined) {
        throw unauthorised('The Authorization header does not say "Bearer TOKEN".');
      }
      const role = this.roleOf(token);
      if (role === null) throw unauthorised('The token in the Authorization header is not known.');
      if (role !== 'operator') throw wrongRole(role);
      return;
    }
    if (!this.hasSession(headers)) throw unauthorised('This needs the operator’s token.');
    if (changes && !isSameOrigin(headers)) {
      throw new ApiError(
        403,
        'other-origin',
        'With the dashboard’s cookie, only the dashboard’s own pages may change something.',
        'Scripts send "Authorization: Bearer TOKEN".',
      );
    }
  }
}

/** Whether a browser says that one of our own pages asks. Behind a proxy the scheme may differ; the host does not. */
export function isSameOrigin({ origin, host }: IncomingHttpHeaders): boolean {
  if (origin === undefined || host === undefined) return false;
  try {
    return new URL(origin).host === new URL(`http://${host}`).host;
  } catch {
    return false;
  }
}

function cookieValue(header: string, name: string): string | null {
  for (const part of header.split(';')) {
    const [key, value] = part.trim().split('=', 2);
    if (key === name) return value ?? '';
  }
  return null;
}

function unauthorised(message: string): ApiError {
  return new ApiError(
    401,
    'unauthorised',
    message,
    'Send "Authorization: Bearer TOKEN" with the token that Sparewheel printed when it started, or sign in to the dashboard.',
  );
}

export function wrongRole(role: Role): ApiError {
  return new ApiError(
    403,
    'wrong-role',
    role === 'join'
      ? 'The join token lets agents join; it does not open the admin API.'
      : 'The inference token opens /v2 on the data plane’s port; it does not open the admin API.',
    'Use the operator’s token.',
  );
}
