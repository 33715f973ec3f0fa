import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DATA_TYPE, joinChunks, writeModel } from '@sparewheel/onnx';
import { model, node, smallModel } from '@sparewheel/onnx/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ChildOptions, canonicalizeInChild } from './isolated.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'isolated-'));
  mkdirSync(join(directory, 'scratch'));
});
afterEach(() => {
  expect(readdirSync(join(directory, 'scratch'))).toEqual([]);
  rmSync(directory, { recursive: true, force: true });
});

function convert(bytes: Uint8Array, options: Partial<ChildOptions> = {}) {
  const modelPath = join(directory, 'model.onnx');
  writeFileSync(modelPath, bytes);
  return canonicalizeInChild(
    { modelPath, scratchDirectory: join(directory, 'scratch'), outputDirectory: join(directory, 'out') },
    { timeoutMs: 60_000, ...options },
  );
}

/** Creates a child that runs `code` instead of converting the model. */
function fakeChild(code: string) {
  const path = join(directory, 'child.cjs');
  writeFileSync(path, `process.once('message', () => { ${code} });`);
  return { path, execArgv: [] };
}

describe('converting a model in a child process', () => {
  const good = joinChunks(writeModel(smallModel()));

  it('writes the canonical form', async () => {
    const { graph } = await convert(good);
    expect(readdirSync(join(directory, 'out'))).toEqual([graph.sha256]);
  });

  it('rejects a model with the error of `canonicalize`', async () => {
    const unknown = { name: 'x', type: { kind: 'tensor', dataType: DATA_TYPE.float32 } } as const;
    const dynamic = model({ ...smallModel().graph, inputs: [unknown] });
    await expect(convert(joinChunks(writeModel(dynamic)))).rejects.toMatchObject({
      name: 'DynamicShapeError',
      input: 'x',
    });
    const sparkle = model({ ...smallModel().graph, nodes: [node('Sparkle', ['x'], ['y'])] });
    await expect(convert(joinChunks(writeModel(sparkle)))).rejects.toMatchObject({
      code: 'UNKNOWN_OPERATOR',
    });
  });

  it('rejects a model that crashes ONNX Runtime', async () => {
    const crash = fakeChild("process.kill(process.pid, 'SIGSEGV')");
    await expect(convert(good, { child: crash })).rejects.toMatchObject({
      code: 'DOES_NOT_RUN',
      message: 'ONNX Runtime crashed on the model (SIGSEGV)',
    });
    const exit = fakeChild('process.exit(3)');
    await expect(convert(good, { child: exit })).rejects.toMatchObject({ code: 'DOES_NOT_RUN' });
  });

  it('rejects a model that exceeds the timeout', async () => {
    const child = fakeChild('setInterval(() => {}, 1000)');
    await expect(convert(good, { child, timeoutMs: 300 })).rejects.toMatchObject({
      code: 'DOES_NOT_RUN',
      message: 'loading and running the model once took longer than 0.3 s',
    });
  });

  it('stops when the signal aborts', async () => {
    const controller = new AbortController();
    const child = fakeChild('setInterval(() => {}, 1000)');
    const conversion = convert(good, { child, signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(conversion).rejects.toThrow('enough');
  });
});
