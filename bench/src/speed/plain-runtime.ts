import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Repetitions } from './speed-network.ts';

/** Plain ONNX Runtime on the whole network, in one thread. */
export interface PlainMeasurement {
  /** Milliseconds of each request. */
  readonly times: readonly number[];
  /** Processor time of one request in milliseconds. */
  readonly cpuMs: number;
  readonly input: { readonly name: string; readonly dims: readonly number[] };
  readonly output: readonly number[];
}

/** Starts a process; `ThrottledHost.spawn` starts it on a slow host. */
type Spawn = (command: string, args: readonly string[], options: SpawnOptions) => ChildProcess;

/** Measures a network in a process of its own. @throws {Error} the process ends without a measurement */
export async function measurePlain(
  file: string,
  { warmups, requests, budgetMs }: Repetitions,
  start: Spawn = spawn,
): Promise<PlainMeasurement> {
  const script = fileURLToPath(new URL('./plain-runtime-process.ts', import.meta.url));
  const child = start(
    process.execPath,
    ['--import', 'tsx', script, file, String(warmups), String(requests), String(budgetMs)],
    { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] },
  );
  const ended = once(child, 'exit');
  try {
    const message = once(child, 'message') as Promise<[PlainMeasurement]>;
    const first = await Promise.race([message, ended.then(() => null)]);
    if (first === null) throw new Error(`plain ONNX Runtime ended without a measurement of ${file}`);
    return first[0];
  } finally {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await ended;
  }
}
