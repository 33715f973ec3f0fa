/**
 * A process of its own with many simulated devices: each a real session of the agent's protocol (hello, shards, tasks,
 * answers, statistics), with shards in memory and one ONNX Runtime for all of them. What it saves against as many agent
 * processes is their memory; what the control plane sees of it is the same.
 *
 *   tsx simulated-fleet.ts URL JOIN_TOKEN COUNT
 */
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { connectDevice, MemoryShelf, ShelfShardStore } from '@sparewheel/device';
import { createDirectEngine, type Engine } from '@sparewheel/engine';

const MEMORY_BYTES = 2 ** 30;

/** The engine as one device sees it: tasks of different devices may bear the same number. */
function ownPart(engine: Engine, device: string): Engine {
  const own = (key: string) => `${device} ${key}`;
  return {
    backend: engine.backend,
    load: (key, source, options) => engine.load(own(key), source, options),
    run: (key, feeds, fetches) => engine.run(own(key), feeds, fetches),
    unload: (key) => engine.unload(own(key)),
    close: async () => {},
  };
}

async function main(): Promise<void> {
  const [url = '', token = '', count = '0'] = process.argv.slice(2);
  const engine = await createDirectEngine();
  const digest = async (data: Uint8Array) => createHash('sha256').update(data).digest('hex');
  for (let number = 1; number <= Number(count); number++) {
    const name = `simulated-${String(number).padStart(3, '0')}`;
    const store = await ShelfShardStore.open(new MemoryShelf(), digest);
    connectDevice({
      url,
      token,
      identity: { id: randomUUID(), secret: randomBytes(32).toString('hex') },
      incarnation: randomUUID(),
      store,
      engine: ownPart(engine, name),
      description: { name, platform: 'simulated', processId: process.pid, memoryBytes: MEMORY_BYTES },
      measure: () => ({ rssBytes: store.bytes, temperatureCelsius: 40 + 10 * Math.random() }),
      observer: {},
    });
  }
  // Whoever started it is gone: so is the fleet.
  process.once('disconnect', () => process.exit(0));
}

await main();
