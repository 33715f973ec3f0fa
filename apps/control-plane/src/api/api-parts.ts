import type { DataPlaneLink } from '@sparewheel/data-plane-client';
import type { Store } from '../database/store.ts';
import type { Deployments } from '../deployments/deployments.ts';
import type { EventLog } from '../events/event-log.ts';
import type { LiveViews } from '../live-views.ts';
import type { Models } from '../models/models.ts';
import type { Authentication } from './authentication.ts';

/** What the routes of the admin API work with. */
export interface ApiParts {
  readonly authentication: Authentication;
  readonly dataPlane: DataPlaneLink;
  readonly deployments: Deployments;
  readonly models: Models;
  readonly events: EventLog;
  readonly store: Store;
  readonly live: LiveViews;
  /** For uploads that are not complete; an existing directory on the file system of the blobs. */
  readonly scratch: string;
  readonly startedAt: string;
  /** Where the data plane's own HTTP server is reached from here, and what opens it. */
  readonly inference: { readonly host: string; readonly token: string };
  readonly joinToken: string;
}
