/** Where other machines reach this one. Safe for browsers. */

export interface JoinAddressView {
  /** As in a URL: IPv6 in brackets. */
  readonly hostname: string;
  /** The network interface that has the address; null if the configuration names the address. */
  readonly interface: string | null;
  /** The origin of the dashboard, with the join page for browsers. */
  readonly dashboard: string;
  /** The origin to which agents connect. */
  readonly dataPlane: string;
}

/** `GET /api/join/addresses` */
export interface JoinAddressesView {
  /** The address on which Sparewheel listens (`HOST`). */
  readonly host: string;
  /** Best first. Empty if only this machine can join. */
  readonly addresses: readonly JoinAddressView[];
}
