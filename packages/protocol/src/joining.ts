/** Where other machines reach this one, and what a joined device computes. Safe for browsers. */
import type { DeviceRole } from './views.ts';

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

/** What a device computes for one deployment, for its own page. `GET /join/shards?device=ID` with the join token. */
export interface JoinedSeatView {
  readonly deployment: string;
  readonly seat: number;
  readonly role: DeviceRole;
  readonly layers: readonly JoinedLayerView[];
}

export interface JoinedLayerView {
  readonly layer: string;
  /** Rows `[from, to)` of the layer's output; null for a sum of all blocks, or for a whole layer. */
  readonly rows: { readonly from: number; readonly to: number } | null;
  /** Rows of the whole output; null if they are unknown. */
  readonly of: number | null;
  readonly kind: 'rows' | 'sum' | 'whole';
}
