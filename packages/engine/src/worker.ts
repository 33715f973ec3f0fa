/** Entry of the worker engine's thread. Bundled as `dist/engine-worker.js`. */
import { parentPort, workerData } from 'node:worker_threads';
import { createDirectEngine } from './direct-engine.ts';
import { type Engine, EngineError } from './engine.ts';
import type {
  WorkerCall,
  WorkerCommand,
  WorkerReply,
  WorkerResult,
  WorkerSettings,
} from './worker-messages.ts';

const port = parentPort;
if (port === null) throw new Error('engine-worker must run as a worker thread; use createWorkerEngine');

const send = (reply: WorkerReply, transfer: ArrayBuffer[] = []) => port.postMessage(reply, transfer);

try {
  const engine = await createDirectEngine({
    ...(workerData as WorkerSettings),
    log: (message) => send({ kind: 'log', message }),
  });
  port.on('message', ({ call, command }: WorkerCall) => void answer(engine, call, command));
  send({ kind: 'ready', backend: engine.backend });
} catch (error) {
  send({ kind: 'unavailable', message: error instanceof Error ? error.message : String(error) });
  port.close();
}

async function answer(engine: Engine, call: number, command: WorkerCommand): Promise<void> {
  try {
    const result = await execute(engine, command);
    send(
      { kind: 'result', call, result },
      result !== undefined && 'computeMs' in result ? transferableBuffers(result) : [],
    );
    if (command.kind === 'close') port?.close();
  } catch (error) {
    const code = error instanceof EngineError ? error.code : 'run-failed';
    send({ kind: 'error', call, code, message: error instanceof Error ? error.message : String(error) });
  }
}

async function execute(engine: Engine, command: WorkerCommand): Promise<WorkerResult> {
  switch (command.kind) {
    case 'load':
      return engine.load(command.key, command.source, command.options);
    case 'run':
      return engine.run(command.key, command.feeds, command.fetches);
    case 'unload':
      await engine.unload(command.key);
      return undefined;
    case 'close':
      await engine.close();
      return undefined;
  }
}

/**
 * Returns the buffers that can be transferred: those that hold exactly one output. Other outputs are copied.
 */
function transferableBuffers(result: Extract<WorkerResult, { computeMs: number }>): ArrayBuffer[] {
  const buffers = new Set<ArrayBuffer>();
  for (const { data } of Object.values(result.fetches)) {
    if (data.buffer instanceof ArrayBuffer && data.byteLength === data.buffer.byteLength)
      buffers.add(data.buffer);
  }
  return [...buffers];
}
