import { GATEWAY_LIMITS } from './gateway-limits.ts';

/**
 * Counts the connections that have not shown a token yet, by address. Without this bound, one program without a token
 * could use up all connections, and no agent could connect.
 */
export class AnonymousConnections {
  readonly #perAddress: number;
  /** Addresses by connection. */
  readonly #addresses = new Map<object, string>();
  readonly #counts = new Map<string, number>();

  constructor(perAddress: number = GATEWAY_LIMITS.anonymousPerAddress) {
    this.#perAddress = perAddress;
  }

  /** Returns whether an address may open another connection. */
  allows(address: string): boolean {
    return (this.#counts.get(address) ?? 0) < this.#perAddress;
  }

  opened(connection: object, address: string): void {
    this.#addresses.set(connection, address);
    this.#counts.set(address, (this.#counts.get(address) ?? 0) + 1);
  }

  /** Stops counting a connection: it has shown a valid token, or is closed. */
  settled(connection: object): void {
    const address = this.#addresses.get(connection);
    if (address === undefined) return;
    this.#addresses.delete(connection);
    const rest = this.#counts.get(address)! - 1;
    if (rest > 0) this.#counts.set(address, rest);
    else this.#counts.delete(address);
  }
}
