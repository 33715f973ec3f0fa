import { type Engine, EngineError } from '@sparewheel/engine/contract';
import { expect, it } from 'vitest';
import { detectCrashes } from './wasm-runtime.ts';

function failingWith(cause: unknown): Engine {
  const fail = () => Promise.reject(new EngineError('run-failed', 'it failed', { cause }));
  return detectCrashes({
    backend: 'wasm',
    load: async () => ({ feeds: [], fetches: [] }),
    run: fail,
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
  ['a refused allocation', new RangeError('WebAssembly.Memory.grow(): out of memory')],
])('reports %s as a crash', async (_what, cause) => {
  expect(await codeOf(failingWith(cause))).toBe('worker-crashed');
});

it('does not report a failed computation as a crash', async () => {
  expect(await codeOf(failingWith(new Error('Got invalid dimensions for input: x')))).toBe('run-failed');
});
