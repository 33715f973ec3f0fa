/** Entry of the process engine's child process. Bundled as `dist/engine-process.js`. */
import process from 'node:process';
import { EngineError } from './engine.ts';
import { createWorkerEngine } from './worker-engine.ts';
import type { WorkerCall, WorkerReply, WorkerSettings } from './worker-messages.ts';

// Models run in a worker thread, so that this thread notices the end of the parent during a computation that does not end.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
// The terminal sends them to all processes. The parent decides when this one ends.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});

const send = (reply: WorkerReply): void => void process.send?.(reply);

try {
  const engine = await createWorkerEngine(JSON.parse(process.argv[2] ?? '{}') as WorkerSettings);
  process.on('message', ({ call, command }: WorkerCall) => {
    const run = async () => {
      switch (command.kind) {
        case 'load':
          return engine.load(command.key, command.source, command.options);
        case 'run':
          return engine.run(command.key, command.feeds, command.fetches);
        case 'unload':
          return void (await engine.unload(command.key));
        case 'close':
          return void (await engine.close());
      }
    };
    run().then(
      (result) => send({ kind: 'result', call, result }),
      (error: unknown) => {
        const { code, message } =
          error instanceof EngineError ? error : { code: 'run-failed' as const, message: String(error) };
        send({ kind: 'error', call, code, message });
      },
    );
  });
  send({ kind: 'ready', backend: engine.backend });
} catch (error) {
  send({ kind: 'unavailable', message: error instanceof Error ? error.message : String(error) });
}
