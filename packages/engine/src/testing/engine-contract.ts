/** The contract of every engine, as tests. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bytesOf, encodeStrings, type Tensor } from '@sparewheel/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Engine, EngineError } from '../engine.ts';
import { tinyModel, tinyOperator, tinyProduct } from './tiny-model.ts';

const model = { inner: 3, columns: 2, weights: Float32Array.of(1, 2, 3, 4, 5, 6) };
const x: Tensor = { type: 'float32', dims: [2, 3], data: Float32Array.of(1, 0, -1, 0.5, 2, 1) };
const y: Tensor = { type: 'float32', dims: [2, 2], data: tinyProduct(model, x.data as Float32Array) };

/**
 * Tests one implementation. Call it once per implementation in a test file.
 * @param files  whether the engine reads models from files; a browser engine does not
 */
export function describeEngine(name: string, create: () => Promise<Engine>, files = true): void {
  describe(name, () => {
    let engine: Engine;
    let folder: string;

    beforeAll(async () => {
      engine = await create();
      folder = await mkdtemp(join(tmpdir(), 'sparewheel-engine-'));
    });
    afterAll(async () => {
      await engine.close();
      await rm(folder, { recursive: true, force: true });
    });

    const engineError = (code: string) => expect.objectContaining({ name: 'EngineError', code });

    it('loads a model from bytes and runs it', async () => {
      const loaded = await engine.load('bytes', { kind: 'bytes', graph: tinyModel(model) });
      expect(loaded).toEqual({ feeds: ['x'], fetches: ['y'] });
      const { fetches, computeMs } = await engine.run('bytes', { x });
      expect(fetches).toEqual({ y });
      expect(computeMs).toBeGreaterThan(0);
    });

    const location = 'weights.bin';
    const external = tinyModel({ ...model, location });
    const data = bytesOf(model.weights);

    it('loads weights from external data in memory', async () => {
      const source = { kind: 'bytes', graph: external, externalData: [{ location, data }] } as const;
      await engine.load('external', source);
      expect((await engine.run('external', { x })).fetches).toEqual({ y });
    });

    it.runIf(files)('loads weights from external data files, mapped and unmapped', async () => {
      const path = join(folder, 'graph.onnx');
      await writeFile(path, external);
      await writeFile(join(folder, location), data);
      for (const mapped of [true, false]) {
        const key = `file, mapped ${mapped}`;
        await engine.load(key, { kind: 'file', path, externalData: [location] }, { mapped });
        expect((await engine.run(key, { x })).fetches).toEqual({ y });
      }
    });

    it('accepts views of larger buffers and does not change the feeds', async () => {
      await engine.load('views', { kind: 'bytes', graph: tinyModel(model) });
      const frame = new Float32Array(100);
      frame.set(x.data as Float32Array, 7);
      const view: Tensor = { ...x, data: frame.subarray(7, 13) };
      expect((await engine.run('views', { x: view })).fetches).toEqual({ y });
      expect((await engine.run('views', { x: view })).fetches).toEqual({ y });
      expect(frame).toHaveLength(100);
      expect(view.data).toEqual(x.data);
    });

    it('computes with float16 tensors, also into given ones', async () => {
      await engine.load('halves', { kind: 'bytes', graph: tinyOperator('Neg', 10) });
      // 1, 2 and the smallest number.
      const bits = Uint16Array.of(0, 0x3c00, 0x4000, 0x0001).subarray(1);
      const negated: Tensor = { type: 'float16', dims: [3], data: Uint16Array.of(0xbc00, 0xc000, 0x8001) };
      const feeds = { x: { type: 'float16', dims: [3], data: bits } } as const;
      expect((await engine.run('halves', feeds)).fetches).toEqual({ y: negated });
      const into: Tensor = { type: 'float16', dims: [3], data: new Uint16Array(3) };
      expect((await engine.run('halves', feeds, ['y'], [into])).fetches).toEqual({ y: negated });
      expect(bits).toEqual(Uint16Array.of(0x3c00, 0x4000, 0x0001));
    });

    it('computes with strings', async () => {
      await engine.load('texts', { kind: 'bytes', graph: tinyOperator('Identity', 8) });
      for (const texts of [['ab', '', 'é😀'], []]) {
        const x: Tensor = { type: 'string', dims: [texts.length], data: encodeStrings(texts) };
        expect((await engine.run('texts', { x })).fetches).toEqual({ y: x });
      }
    });

    it('returns the existing session for a loaded key, and executes calls in order', async () => {
      const source = { kind: 'bytes', graph: tinyModel(model) } as const;
      const [first, result, second] = await Promise.all([
        engine.load('twice', source),
        engine.run('twice', { x }),
        engine.load('twice', { kind: 'bytes', graph: new Uint8Array(3) }),
      ]);
      expect(second).toEqual(first);
      expect(result.fetches).toEqual({ y });
    });

    it('accepts many concurrent runs', async () => {
      await engine.load('many', { kind: 'bytes', graph: tinyModel(model) });
      const results = await Promise.all(Array.from({ length: 100 }, () => engine.run('many', { x }, ['y'])));
      for (const { fetches } of results) expect(fetches).toEqual({ y });
    });

    it('rejects an invalid model and keeps working', async () => {
      for (const graph of [
        new Uint8Array(0),
        new Uint8Array(100).fill(7),
        tinyModel(model).subarray(0, 60),
      ]) {
        await expect(engine.load('bad', { kind: 'bytes', graph })).rejects.toEqual(
          engineError('invalid-model'),
        );
      }
      const path = join(folder, 'nowhere.onnx');
      await expect(engine.load('bad', { kind: 'file', path })).rejects.toEqual(engineError('invalid-model'));
      await expect(engine.run('bad', { x })).rejects.toEqual(engineError('unknown-model'));
    });

    it('rejects invalid feeds and fetches and keeps working', async () => {
      await engine.load('fits', { kind: 'bytes', graph: tinyModel(model) });
      await expect(engine.run('fits', {})).rejects.toEqual(engineError('invalid-feed'));
      const short = { ...x, dims: [3, 3] };
      await expect(engine.run('fits', { x: short })).rejects.toEqual(engineError('invalid-feed'));
      await expect(engine.run('fits', { x }, ['z'])).rejects.toEqual(engineError('unknown-fetch'));
      const narrow: Tensor = { type: 'float32', dims: [3, 2], data: new Float32Array(6) };
      await expect(engine.run('fits', { x: narrow })).rejects.toEqual(engineError('run-failed'));
      const integers: Tensor = { type: 'int32', dims: [2, 3], data: new Int32Array(6) };
      await expect(engine.run('fits', { x: integers })).rejects.toEqual(engineError('run-failed'));
      expect((await engine.run('fits', { x })).fetches).toEqual({ y });
    });

    it('unloads a model, and ignores a key that is not loaded', async () => {
      await engine.load('gone', { kind: 'bytes', graph: tinyModel(model) });
      await engine.unload('gone');
      await engine.unload('gone');
      await expect(engine.run('gone', { x })).rejects.toEqual(engineError('unknown-model'));
    });

    it('finishes accepted calls on close, then rejects every call', async () => {
      const other = await create();
      await other.load('last', { kind: 'bytes', graph: tinyModel(model) });
      const last = other.run('last', { x });
      await Promise.all([other.close(), other.close()]);
      expect((await last).fetches).toEqual({ y });
      await expect(other.run('last', { x })).rejects.toEqual(engineError('closed'));
      await expect(other.load('late', { kind: 'bytes', graph: tinyModel(model) })).rejects.toBeInstanceOf(
        EngineError,
      );
    });
  });
}
