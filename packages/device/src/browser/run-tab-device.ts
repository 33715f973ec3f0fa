import { createBrowserEngine } from '@sparewheel/engine/browser';
import type { HandshakeRefusal } from '@sparewheel/protocol';
import { type BlobShelf, MemoryShelf } from '../blob-shelf.ts';
import { type ConnectedDevice, connectDevice } from '../connected-device.ts';
import { ShelfShardStore } from '../shelf-shard-store.ts';
import type { DeviceReport, TabDeviceSettings } from './device-report.ts';
import { availableDigest } from './digest.ts';
import { IndexedDbShelf } from './indexed-db-shelf.ts';
import { noticeCrashes } from './notice-crashes.ts';
import { watchWasmHeap } from './wasm-heap.ts';

const REPORT_INTERVAL_MS = 500;
/** The mean compute time follows the last so many answers. */
const ANSWERS_REMEMBERED = 20;

/** Runs a device in this Worker: shards in the browser's storage, ONNX Runtime on WebAssembly. */
export async function runTabDevice(
  settings: TabDeviceSettings,
  tell: (report: DeviceReport) => void,
): Promise<ConnectedDevice> {
  // Before the engine, whose heap it is.
  const heapBytes = watchWasmHeap();
  const { shelf, storage } = await openShelf(settings);
  const [store, engine] = await Promise.all([
    ShelfShardStore.open(shelf, availableDigest()),
    createBrowserEngine().then(noticeCrashes),
  ]);
  let connection: DeviceReport['connection'] = 'connecting';
  let refusal: HandshakeRefusal | null = null;
  let answers = 0;
  let computeMs: number | null = null;
  const measureMemory = () => heapBytes() + shelf.memoryBytes;

  const device = connectDevice({
    url: settings.url,
    token: settings.token,
    identity: settings.identity,
    incarnation: newIncarnation(),
    store,
    engine,
    description: {
      name: settings.name,
      platform: settings.platform,
      processId: 0,
      memoryBytes: totalMemory(),
    },
    measure: () => ({ rssBytes: measureMemory(), temperatureCelsius: null }),
    observer: {
      joined() {
        connection = 'joined';
        refusal = null;
        report();
      },
      disconnected() {
        connection = 'lost';
        report();
      },
      refused(reason) {
        refusal = reason;
        report();
      },
      answered({ computeMicros }) {
        answers++;
        const weight = 1 / Math.min(answers, ANSWERS_REMEMBERED);
        computeMs = (computeMs ?? 0) * (1 - weight) + (computeMicros / 1_000) * weight;
      },
    },
  });
  const report = () =>
    tell({
      connection,
      refusal,
      partitioned: device.faults.partitioned,
      storage,
      blobs: store.held().length,
      storeBytes: store.bytes,
      memoryBytes: measureMemory(),
      tasks: device.tasks.size,
      inFlight: device.queue.inFlight,
      answers,
      computeMs,
    });
  setInterval(report, REPORT_INTERVAL_MS);
  report();
  return device;
}

async function openShelf({
  identity,
  lasting,
}: TabDeviceSettings): Promise<{ shelf: BlobShelf; storage: DeviceReport['storage'] }> {
  if (lasting) {
    try {
      return { shelf: await IndexedDbShelf.open(identity.id), storage: 'lasting' };
    } catch {
      // Some private windows give no storage: the device works all the same, and the page says what it costs.
    }
  }
  return { shelf: new MemoryShelf(), storage: 'memory' };
}

/** crypto.randomUUID is withheld from insecure pages; random numbers are not. */
function newIncarnation(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16))
    .join('')
    .padEnd(16, '0');
}

/** In bytes, as coarse as the browser says it; 0 where it does not. */
function totalMemory(): number {
  const { deviceMemory = 0 } = navigator as { deviceMemory?: number };
  return deviceMemory * 2 ** 30;
}
