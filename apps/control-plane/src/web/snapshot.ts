import type { DeploymentView, ModelView, UiSnapshot } from '@sparewheel/protocol';
import type { EventLog } from '../events/event-log.ts';
import type { LiveViews } from '../live-views.ts';

export interface SnapshotParts {
  readonly live: LiveViews;
  readonly deployments: () => readonly DeploymentView[];
  readonly models: () => Promise<readonly ModelView[]>;
  readonly events: EventLog;
  readonly startedAt: string;
  /** Returns the data plane's address for a browser that reached the control plane by this host name. */
  readonly inferenceUrl: (hostname: string) => string;
  /** The same for inference over gRPC; null without it. */
  readonly grpcAddress: (hostname: string) => string | null;
}

/** More are on the events page. */
const SNAPSHOT_EVENTS = 200;

/** Returns everything that the dashboard shows. */
export async function takeSnapshot(parts: SnapshotParts, hostname: string): Promise<UiSnapshot> {
  const { live, deployments, models, events, startedAt, inferenceUrl, grpcAddress } = parts;
  const [modelViews, recentEvents] = await Promise.all([models(), events.query({ limit: SNAPSHOT_EVENTS })]);
  return {
    at: new Date().toISOString(),
    devices: live.devices,
    deployments: deployments(),
    models: modelViews,
    latency: live.latency,
    events: recentEvents,
    startedAt,
    inferenceUrl: inferenceUrl(hostname),
    grpcAddress: grpcAddress(hostname),
  };
}
