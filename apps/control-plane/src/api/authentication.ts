/** Authenticates requests by the Authorization header or by the dashboard's cookie. */
import { createHmac } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { ApiError } from '@sparewheel/protocol';
import { Access, equalDigests, type Role } from '@sparewheel/runtime/access';
import type { Tokens } from '../tokens.ts';

/** A browser must sign in again after this time. The token stays the same. */
const SESSION_SECONDS = 30 * 24 * 3600;

export class Authentication {
  readonly #access: Access;
  readonly #session: string;
  readonly #cookieName: string;

  /** @param port  the dashboard's port. Cookies ignore ports, so the cookie's name contains it. */
  constructor(tokens: Tokens, port: number) {
    this.#access = new Access({
      operatorToken: tokens.operator,
      joinToken: tokens.join,
      inferToken: tokens.infer,
      metricsToken: tokens.metrics,
    });
    // Derived from the token: the cookie survives a restart, does not contain the token, and changes with it.
    this.#session = createHmac('sha256', tokens.operator)
      .update('sparewheel dashboard session')
      .digest('hex');
    this.#cookieName = `sparewheel_session_${port}`;
  }

  /** Returns the token's role; null for an unknown token. */
  roleOf(token: string): Role | null {
    return this.#access.roleOf(token);
  }

  hasSession(headers: IncomingHttpHeaders): boolean {
    const value = cookieValue(headers.cookie ?? '', this.#cookieName);
    return value !== null && equalDigests(value, this.#session);
  }

  /** Returns the Set-Cookie header that signs a browser in. */
  sessionCookie(): string {
    return `${this.#cookieName}=${this.#session}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${SESSION_SECONDS}`;
  }

  /** Returns the Set-Cookie header that signs a browser out. */
  expiredCookie(): string {
    return `${this.#cookieName}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0`;
  }

  /**
   * Requires the operator.
   * @param changes  whether the request changes something. Then a cookie is only accepted from our own pages.
   * @param alsoAllowed  a role that may make this request, too
   * @throws {ApiError} 401 no or an unknown token; 403 another role, or a page of another site with the cookie
   */
  requireOperator(headers: IncomingHttpHeaders, changes: boolean, alsoAllowed?: Role): void {
    const { authorization } = headers;
    if (authorization !== undefined) {
      const [, token] = /^Bearer +(\S+) *$/i.exec(authorization) ?? [];
      if (token === undefined) {
        throw unauthorized('The Authorization header must be "Bearer TOKEN".');
      }
      const role = this.roleOf(token);
      if (role === null) throw unauthorized('The token in the Authorization header is unknown.');
      if (role !== 'operator' && role !== alsoAllowed) throw wrongRole(role);
      return;
    }
    if (!this.hasSession(headers)) throw unauthorized('This request needs the operator’s token.');
    if (changes && !isSameOrigin(headers)) {
      throw new ApiError(
        403,
        'other-origin',
        'With the dashboard’s cookie, only the dashboard’s own pages may make changes.',
        'Send "Authorization: Bearer TOKEN" from scripts.',
      );
    }
  }
}

/** Whether the request comes from one of our own pages. Behind a proxy the scheme may differ, but not the host. */
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

function unauthorized(message: string): ApiError {
  return new ApiError(
    401,
    'unauthorized',
    message,
    'Send "Authorization: Bearer TOKEN" with the token that Sparewheel printed at its start, or sign in to the dashboard.',
  );
}

const USES: Readonly<Record<Exclude<Role, 'operator'>, string>> = {
  join: 'The join token is for agents.',
  infer: 'The inference token is for /v2 on the data plane’s port.',
  metrics: 'The metrics token is for GET /api/metrics only.',
};

export function wrongRole(role: Role): ApiError {
  const use = role === 'operator' ? '' : `${USES[role]} `;
  return new ApiError(
    403,
    'wrong-role',
    `${use}It does not open this part of the admin API.`,
    'Use the operator’s token.',
  );
}
