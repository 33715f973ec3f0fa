import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { type ConnectedDevice, connectDevice } from '@sparewheel/device';
import { createDirectEngine, createServingEngine, DEVICE_RESPONSIVENESS } from '@sparewheel/engine';
import type { DeviceStatistics } from '@sparewheel/protocol';
import type { DeviceSettings } from './device-messages.ts';
import { deviceProfile } from './device-profile.ts';
import { FileShardStore } from './file-shard-store.ts';
import { tcpTensorSockets } from './tcp-tensor-socket.ts';

/**
 * Runs a device in this process, with shards in files and long computations in a worker thread. Resolves before
 * the device is connected.
 * @param log  receives messages for the operator
 */
export async function runDevice(
  settings: DeviceSettings,
  log: (message: string) => void,
): Promise<ConnectedDevice> {
  const createForMeasurement = (intraOpNumThreads: number) => createDirectEngine({ log, intraOpNumThreads });
  const [store, { profile, threads }] = await Promise.all([
    FileShardStore.open(join(settings.folder, 'blobs')),
    deviceProfile(settings.folder, settings.threads, createForMeasurement, log),
  ]);
  const engine = await createServingEngine({ log, intraOpNumThreads: threads }, DEVICE_RESPONSIVENESS);
  const { memoryLimitBytes } = settings;
  let lastRefusal = '';
  const device = connectDevice({
    url: settings.url,
    token: settings.token,
    identity: settings.identity,
    incarnation: randomUUID(),
    store,
    engine,
    openTensorSocket: tcpTensorSockets,
    description: {
      name: settings.name,
      platform: `${process.platform}-${process.arch}, Node ${process.versions.node}`,
      processId: process.pid,
      memoryBytes: totalmem(),
      ...(profile ? { profile: memoryLimitBytes ? { ...profile, memoryLimitBytes } : profile } : {}),
    },
    measure: measureProcess,
    observer: {
      fellBack: (reason) => log(`no tensor socket (${reason}); tensors use Socket.IO, which is slower`),
      refused({ message }) {
        // The device keeps retrying; log the same refusal once.
        if (message !== lastRefusal) log(`the data plane refuses this device: ${message}`);
        lastRefusal = message;
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

function measureProcess(): Pick<DeviceStatistics, 'rssBytes' | 'temperatureCelsius'> {
  return { rssBytes: process.memoryUsage.rss(), temperatureCelsius: readTemperature() };
}

/** Returns the temperature of the first thermal zone, the processor on a Raspberry Pi; null if not on Linux. */
function readTemperature(): number | null {
  try {
    const celsius = Number(readFileSync('/sys/class/thermal/thermal_zone0/temp', 'utf8')) / 1_000;
    return Number.isFinite(celsius) ? celsius : null;
  } catch {
    return null;
  }
}
