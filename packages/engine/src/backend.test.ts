import { describe, expect, it } from 'vitest';
import { loadBackend } from './backend.ts';

const absent = () => Promise.reject(new Error('no binary for this platform'));
const wasm = () => import('onnxruntime-web');

describe('backend', () => {
  it('falls back to WebAssembly when the native binding does not load, and logs the reason', async () => {
    const messages: string[] = [];
    const backend = await loadBackend({ log: (message) => messages.push(message) }, { native: absent, wasm });
    expect(backend.name).toBe('wasm');
    expect(messages).toEqual([
      'cannot load the native engine: no binary for this platform; using WebAssembly instead',
    ]);
  });

  it('does not fall back when native is required', async () => {
    await expect(loadBackend({ backend: 'native' }, { native: absent, wasm })).rejects.toMatchObject({
      name: 'EngineError',
      code: 'no-backend',
    });
  });
});
