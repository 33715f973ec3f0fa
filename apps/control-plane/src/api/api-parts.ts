import type { DataPlaneLink } from '@sparewheel/data-plane-client';
import type { JoinAddressesView } from '@sparewheel/protocol';
import type { Store } from '../database/store.ts';
import type { Deployments } from '../deployments/deployments.ts';
import type { EventLog } from '../events/event-log.ts';
import type { LiveViews } from '../live-views.ts';
import type { Models } from '../models/models.ts';
import type { NetworkPresets } from '../network/network-presets.ts';
import type { Authentication } from './authentication.ts';

/** The parts of the control plane that the routes of the admin API use. */
export interface ApiParts {
  readonly authentication: Authentication;
  readonly dataPlane: DataPlaneLink;
  readonly deployments: Deployments;
  readonly network: NetworkPresets;
  readonly models: Models;
  readonly events: EventLog;
  readonly store: Store;
  readonly live: LiveViews;
  /** A folder for incomplete uploads. It exists and is on the file system of the blobs. */
  readonly scratch: string;
  readonly startedAt: string;
  /** The host of the data plane's HTTP server, and a token for it. */
  readonly inference: { readonly host: string; readonly token: string };
  readonly joinToken: string;
  readonly joinAddresses: () => JoinAddressesView;
}
