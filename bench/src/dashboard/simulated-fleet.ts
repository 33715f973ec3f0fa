/**
 * A process with many simulated devices. Each is a real session of the agent's protocol (hello, shards,
 * tasks, answers, statistics), with shards in memory and one shared ONNX Runtime. It needs far less memory
 * than as many agent processes; the control plane sees no difference.
 *
 *   tsx simulated-fleet.ts URL JOIN_TOKEN COUNT
 */
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { BlobShardStore, connectDevice, MemoryBlobStorage } from '@sparewheel/device';
import { createDirectEngine, type Engine } from '@sparewheel/engine';

const MEMORY_BYTES = 2 ** 30;

/**
 * Gives a device its own keys in the shared engine, because task numbers of different devices may be equal.
 */
function engineForDevice(engine: Engine, device: string): Engine {
  const prefixed = (key: string) => `${device} ${key}`;
  return {
    backend: engine.backend,
    load: (key, source, options) => engine.load(prefixed(key), source, options),
    run: (key, feeds, fetches) => engine.run(prefixed(key), feeds, fetches),
    unload: (key) => engine.unload(prefixed(key)),
    close: async () => {},
  };
}

async function main(): Promise<void> {
  const [url = '', token = '', count = '0'] = process.argv.slice(2);
  const engine = await createDirectEngine();
  const digest = async (data: Uint8Array) => createHash('sha256').update(data).digest('hex');
  for (let number = 1; number <= Number(count); number++) {
    const name = `simulated-${String(number).padStart(3, '0')}`;
    const store = await BlobShardStore.open(new MemoryBlobStorage(), digest);
    connectDevice({
      url,
      token,
      identity: { id: randomUUID(), secret: randomBytes(32).toString('hex') },
      incarnation: randomUUID(),
      store,
      engine: engineForDevice(engine, name),
      description: { name, platform: 'simulated', processId: process.pid, memoryBytes: MEMORY_BYTES },
      measure: () => ({ rssBytes: store.bytes, temperatureCelsius: 40 + 10 * Math.random() }),
      observer: {},
    });
  }
  // Exits with the parent process.
  process.once('disconnect', () => process.exit(0));
}

await main();
