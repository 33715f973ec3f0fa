import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { joinChunks, writeModel } from '@sparewheel/onnx';
import { model, node, smallModel, value } from '@sparewheel/onnx/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { canonicaliseInChild } from './isolated.ts';

const CHILD = fileURLToPath(new URL('./canonical-child.ts', import.meta.url));
/** A child that does what the argument says instead of looking at the model. */
const badChild = (code: string) => `process.once('message', () => { ${code} });`;

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'isolated-'));
  mkdirSync(join(directory, 'scratch'));
});
afterEach(() => {
  expect(readdirSync(join(directory, 'scratch'))).toEqual([]);
  rmSync(directory, { recursive: true, force: true });
});

function take(
  brought: Uint8Array,
  child: { childPath: string; execArgv: string[]; timeoutMs?: number; signal?: AbortSignal },
) {
  const modelPath = join(directory, 'model.onnx');
  writeFileSync(modelPath, brought);
  return canonicaliseInChild(
    { modelPath, scratchDirectory: join(directory, 'scratch'), outputDirectory: join(directory, 'out') },
    { timeoutMs: 60_000, ...child },
  );
}

const real = { childPath: CHILD, execArgv: ['--import', 'tsx'] };

function fake(code: string) {
  const childPath = join(directory, 'child.cjs');
  writeFileSync(childPath, badChild(code));
  return { childPath, execArgv: [] };
}

describe('a model taken to its canonical form in a process of its own', () => {
  const good = joinChunks(writeModel(smallModel()));

  it('gives what the same process would', async () => {
    const { graph } = await take(good, real);
    expect(readdirSync(join(directory, 'out'))).toEqual([graph.sha256]);
  });

  it('is refused with the same words', async () => {
    const dynamic = model({ ...smallModel().graph, inputs: [value('x', ['batch', 4])] });
    await expect(take(joinChunks(writeModel(dynamic)), real)).rejects.toMatchObject({
      name: 'DynamicShapeError',
      input: 'x',
      dimension: 'batch',
    });
    const unknown = model({ ...smallModel().graph, nodes: [node('Sparkle', ['x'], ['y'])] });
    await expect(take(joinChunks(writeModel(unknown)), real)).rejects.toMatchObject({
      code: 'UNKNOWN_OPERATOR',
    });
  });

  it('is refused where it crashes the runtime', async () => {
    await expect(take(good, fake("process.kill(process.pid, 'SIGSEGV')"))).rejects.toMatchObject({
      code: 'DOES_NOT_RUN',
      message: 'ONNX Runtime crashed on the model (SIGSEGV)',
    });
    await expect(take(good, fake('process.exit(3)'))).rejects.toMatchObject({ code: 'DOES_NOT_RUN' });
  });

  it('is refused where it takes too long', async () => {
    await expect(
      take(good, { ...fake('setInterval(() => {}, 1000)'), timeoutMs: 300 }),
    ).rejects.toMatchObject({
      code: 'DOES_NOT_RUN',
      message: 'the model was not loaded and run once within 0.3 s',
    });
  });

  it('is given up on abort', async () => {
    const controller = new AbortController();
    const taken = take(good, { ...fake('setInterval(() => {}, 1000)'), signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(taken).rejects.toThrow('enough');
  });
});
