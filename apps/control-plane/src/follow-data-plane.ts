/** Handles the messages of the data plane. */
import type { DataPlaneLink } from '@sparewheel/data-plane-client';
import type { Store } from './database/store.ts';
import type { Deployments } from './deployments/deployments.ts';
import { describeEvent } from './events/describe-event.ts';
import type { EventLog } from './events/event-log.ts';
import type { LiveViews } from './live-views.ts';
import type { NetworkPresets } from './network/network-presets.ts';
import { StartupError } from './startup-error.ts';

export interface DataPlaneFollowers {
  readonly live: LiveViews;
  readonly deployments: Deployments;
  readonly network: NetworkPresets;
  readonly events: EventLog;
  readonly store: Store;
  readonly log: (line: string) => void;
  readonly stopping: () => boolean;
  /** Called at each start of the data plane. The port stays the same. */
  readonly listening: (port: number) => void;
}

/** Adds the listeners. @returns resolves at the first `listening`; rejects with a StartupError if that fails */
export function followDataPlane(
  link: DataPlaneLink,
  { live, deployments, network, events, store, log, stopping, listening }: DataPlaneFollowers,
): Promise<void> {
  // Names of devices that just joined. The next views contain them.
  const newNames = new Map<string, string>();
  const nameOf = (id: string) =>
    newNames.get(id) ?? live.devices.find((device) => device.id === id)?.name ?? id;
  link.on('views', (views) => {
    live.devices = views.devices;
    newNames.clear();
    live.latency = views.latency;
    // First, so that the views of the deployments contain its result.
    network.review(deployments.views());
    deployments.setRuntimes(views.deployments, views.preloads);
  });
  link.on('happening', (happening) => {
    if (happening.kind === 'seat-reassigned') deployments.storeSeats(happening.deployment, happening.seats);
    const event = describeEvent(happening, nameOf);
    if (event !== null) events.add(event);
  });
  link.on('device', (device) => {
    newNames.set(device.id, device.name);
    store.saveDevice(device).catch((error: Error) => log(`A device could not be stored: ${error.message}`));
  });
  link.on('crashed', (reason, delayMs) => {
    deployments.setRuntimes([]);
    const message = `The data plane ended (${reason}). It restarts in ${delayMs} ms.`;
    log(message);
    events.add({ kind: 'data-plane-ended', level: 'error', message, device: null, deployment: null });
  });
  return new Promise((resolve, reject) => {
    let served = false;
    link.on('unable', (_code, message) => {
      const text = `The data plane cannot start: ${message.charAt(0).toUpperCase()}${message.slice(1)}.`;
      // After the first start, the link retries.
      if (!served && !stopping()) reject(new StartupError(text));
      else log(text);
    });
    link.on('listening', (port) => {
      served = true;
      deployments.handOverAll();
      listening(port);
      resolve();
    });
  });
}
