import { createBrowserEngine } from '@sparewheel/engine/browser';
import { type HandshakeRefusal, LIMITS } from '@sparewheel/protocol';
import { availableDigest, BlobShardStore, type BlobStorage, MemoryBlobStorage } from '../blob-shard-store.ts';
import { type ConnectedDevice, connectDevice } from '../connected-device.ts';
import { IndexedDbStorage } from './indexed-db-storage.ts';
import { SleepDetector } from './sleep-detector.ts';
import { detectCrashes, trackWasmHeap } from './wasm-runtime.ts';
import {
  type DeviceReport,
  RECENT_ANSWERS,
  type RecentAnswer,
  type TabDeviceSettings,
} from './worker-messages.ts';

const REPORT_INTERVAL_MS = 500;
/** The first answer after a pause is reported at once, and then at most so often. */
const ANSWER_REPORT_MS = 250;
/** The data plane closes a connection whose ping is not answered for this long. */
const LONGEST_GAP_MS = LIMITS.pingTimeoutMs;
/** Number of answers that the average compute time follows. */
const AVERAGED_ANSWERS = 20;

/**
 * Runs a device in this Worker, with shards in the browser's storage and ONNX Runtime on WebAssembly.
 * @param onReport  called up to four times a second if something changed, and when the connection changes
 */
export async function runTabDevice(
  settings: TabDeviceSettings,
  onReport: (report: DeviceReport) => void,
): Promise<ConnectedDevice> {
  // Must run before the engine allocates its heap.
  const heapBytes = trackWasmHeap();
  const { blobs, storage } = await openStorage(settings);
  const [store, engine] = await Promise.all([
    BlobShardStore.open(blobs, availableDigest()),
    createBrowserEngine().then(detectCrashes),
  ]);
  let connection: DeviceReport['connection'] = 'connecting';
  let refusal: HandshakeRefusal | null = null;
  let answers = 0;
  let computeMs: number | null = null;
  let recent: RecentAnswer[] = [];
  let reportedAt = 0;
  let reported = '';
  const sleep = new SleepDetector(LONGEST_GAP_MS, Date.now());
  const measureMemory = () => heapBytes() + blobs.memoryBytes;

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
        const weight = 1 / Math.min(answers, AVERAGED_ANSWERS);
        computeMs = (computeMs ?? 0) * (1 - weight) + (computeMicros / 1_000) * weight;
        if (recent.length < RECENT_ANSWERS) recent.push({ at: Date.now(), computeMs: computeMicros / 1_000 });
        if (performance.now() - reportedAt >= ANSWER_REPORT_MS) report();
      },
    },
  });
  const report = () => {
    const answered = recent;
    recent = [];
    reportedAt = performance.now();
    const next: DeviceReport = {
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
      recent: answered,
      computeMs,
      slept: sleep.last,
    };
    // An idle page renders nothing: thirty of them may share one processor.
    const text = JSON.stringify(next);
    if (text === reported) return;
    reported = text;
    onReport(next);
  };
  setInterval(() => {
    sleep.tick(Date.now());
    report();
  }, REPORT_INTERVAL_MS);
  report();
  return device;
}

async function openStorage({
  identity,
  lasting,
}: TabDeviceSettings): Promise<{ blobs: BlobStorage; storage: DeviceReport['storage'] }> {
  if (lasting) {
    try {
      return { blobs: await IndexedDbStorage.open(identity.id), storage: 'lasting' };
    } catch {
      // Some private windows have no storage. The device works without it, and the page shows the consequence.
    }
  }
  return { blobs: new MemoryBlobStorage(), storage: 'memory' };
}

/** Returns a random identifier. Insecure pages have no crypto.randomUUID. */
function newIncarnation(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16))
    .join('')
    .padEnd(16, '0');
}

/** Returns the machine's memory in bytes as the browser reports it, coarsely; 0 if it does not. */
function totalMemory(): number {
  const { deviceMemory = 0 } = navigator as { deviceMemory?: number };
  return deviceMemory * 2 ** 30;
}
