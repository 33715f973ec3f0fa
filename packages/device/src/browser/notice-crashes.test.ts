import { type Engine, EngineError } from '@sparewheel/engine/contract';
import { expect, it } from 'vitest';
import { noticeCrashes } from './notice-crashes.ts';

function failingWith(cause: unknown): Engine {
  const refuse = () => Promise.reject(new EngineError('run-failed', 'it failed', { cause }));
  return noticeCrashes({
    backend: 'wasm',
    load: async () => ({ feeds: [], fetches: [] }),
    run: refuse,
    unload: async () => {},
    close: async () => {},
  });
}
const codeOf = (engine: Engine) =>
  engine.run('key', {}).then(
    () => 'none',
    (error: EngineError) => error.code,
  );

it.each([
  ['a trap', new WebAssembly.RuntimeError('unreachable')],
  ['an abort', new Error('Aborted(OOM)')],
  ['memory that was refused', new RangeError('WebAssembly.Memory.grow(): out of memory')],
])('calls %s a crash', async (_what, cause) => {
  expect(await codeOf(failingWith(cause))).toBe('worker-crashed');
});

it('leaves a computation that failed what it is', async () => {
  expect(await codeOf(failingWith(new Error('Got invalid dimensions for input: x')))).toBe('run-failed');
});
