import { createHash, timingSafeEqual } from 'node:crypto';

export type Role = 'operator' | 'infer' | 'join' | 'metrics';

export interface Tokens {
  readonly operatorToken: string;
  readonly inferToken: string;
  readonly joinToken: string;
  /** Absent where no metrics are served. */
  readonly metricsToken?: string;
}

export function sha256Hex(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** Compares two digests (or other texts of one length) in constant time. */
export function equalDigests(a: string, b: string): boolean {
  const left = Buffer.from(a);
  const right = Buffer.from(b);
  return left.length === right.length && timingSafeEqual(left, right);
}

/** Finds the role of a token. Compares digests, so that the time reveals neither the length nor the content. */
export class Access {
  readonly #digests: readonly (readonly [Role, string])[];

  constructor(tokens: Tokens) {
    this.#digests = [
      ['operator', sha256Hex(tokens.operatorToken)],
      ['infer', sha256Hex(tokens.inferToken)],
      ['join', sha256Hex(tokens.joinToken)],
      ...(tokens.metricsToken === undefined ? [] : [['metrics', sha256Hex(tokens.metricsToken)] as const]),
    ];
  }

  /** Returns the token's role; null for an unknown token. */
  roleOf(token: string): Role | null {
    const digest = sha256Hex(token);
    let found: Role | null = null;
    // No early exit. If two roles have the same token, the first one, which has more rights, counts.
    for (const [role, expected] of this.#digests) {
      if (equalDigests(digest, expected) && found === null) found = role;
    }
    return found;
  }

  /** Whether the token admits to a role. The operator has the rights of all roles. */
  admits(token: string, role: Role): boolean {
    const digest = sha256Hex(token);
    let admitted = false;
    for (const [holder, expected] of this.#digests) {
      if ((holder === role || holder === 'operator') && equalDigests(digest, expected)) admitted = true;
    }
    return admitted;
  }
}
