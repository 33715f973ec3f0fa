import { randomUUID } from 'node:crypto';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { type ConnectedDevice, connectDevice } from '@sparewheel/device';
import { createAdaptiveEngine } from '@sparewheel/engine';
import type { DeviceSettings } from './device-messages.ts';
import { deviceProfile } from './device-profile.ts';
import { FileShardStore } from './file-shard-store.ts';
import { measureProcess } from './statistics.ts';

/**
 * Runs a device in this process: shards in files, ONNX Runtime in a thread of its own where that pays.
 * Resolves when it has begun to connect.
 * @param log  told what a person may want to know
 */
export async function runDevice(
  settings: DeviceSettings,
  log: (message: string) => void,
): Promise<ConnectedDevice> {
  const [store, engine] = await Promise.all([
    FileShardStore.open(join(settings.folder, 'blobs')),
    createAdaptiveEngine({ log }),
  ]);
  const profile = await deviceProfile(settings.folder, engine, log);
  let refusal = '';
  const device = connectDevice({
    url: settings.url,
    token: settings.token,
    identity: settings.identity,
    incarnation: randomUUID(),
    store,
    engine,
    description: {
      name: settings.name,
      platform: `${process.platform}-${process.arch}, Node ${process.versions.node}`,
      processId: process.pid,
      memoryBytes: totalmem(),
      ...(profile ? { profile } : {}),
    },
    measure: measureProcess,
    observer: {
      refused({ message }) {
        // It goes on asking; a person needs to hear it once.
        if (message !== refusal) log(`the data plane refuses this device: ${message}`);
        refusal = message;
      },
    },
  });
  return {
    ...device,
    async close() {
      await device.close();
      await store.flushed();
    },
  };
}
