/**
 * The jobs of the model builder with real models: LeNet-5 of the zoo through ONNX Runtime, and invalid files.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { blobsOf } from '@sparewheel/planner';
import { zooModel } from '@sparewheel/zoo';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { BlobStore } from './blob-store.ts';
import { jobErrorReport } from './job-error.ts';
import { runJob, type Tools } from './jobs.ts';
import type { JobProgress } from './messages.ts';

describe('model builder jobs', () => {
  let directory: string;
  let tools: Tools;
  let modelPath: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'sparewheel-model-builder-'));
    const scratch = join(directory, 'scratch');
    await mkdir(scratch);
    const blobs = new BlobStore(join(directory, 'blobs'));
    await blobs.open();
    tools = { blobs, scratch };
    modelPath = join(directory, 'model.onnx');
    await writeFile(modelPath, (await zooModel('lenet5')?.chunks()) ?? []);
  });
  afterEach(() => rm(directory, { recursive: true }));

  const importModel = (path = modelPath) =>
    runJob(
      { kind: 'import-model', path, name: 'lenet5', dimensions: {}, maxDimensions: {}, shapes: {} },
      tools,
      () => {},
    );
  const choice = { k: 4, r: 1, strategy: 'coded', layers: 'all' } as const;
  const devices = (count: number) => Array.from({ length: count }, (_, index) => ({ id: `device-${index}` }));

  it('imports a model, plans it and builds the files of the plan', async () => {
    const imported = await importModel();
    expect(imported.inputs).toEqual([{ name: 'image', type: 'float32', dims: [1, 1, 28, 28] }]);
    expect(imported.layers.filter(({ codable }) => codable)).toHaveLength(5);
    const { plan } = await runJob(
      {
        kind: 'plan',
        profileSha256: imported.profile.sha256,
        choice: { ...choice, splits: 'weights', devices: devices(5) },
      },
      tools,
      () => {},
    );
    expect(plan.seats.map(({ role }) => role)).toEqual(['data', 'data', 'data', 'data', 'parity']);
    const progress: number[] = [];
    const job = { kind: 'build', plan, canonical: imported.canonical } as const;
    const made: JobProgress['made'][] = [];
    const artifacts = await runJob(job, tools, ({ fraction, made: one }) => {
      progress.push(fraction);
      made.push(one);
    });
    expect(progress.at(-1)).toBe(1);
    expect(progress).toEqual([...progress].sort((a, b) => a - b));
    // Each artifact is reported once, with the seats that compute it.
    expect(made.map((one) => one?.artifact)).toEqual(plan.steps.flatMap(({ id }) => artifacts[id]));
    expect(made.map((one) => one?.seats)).toEqual(
      plan.steps.flatMap((step) => (step.kind === 'coded' ? step.seats.map((seat) => [seat]) : [[]])),
    );
    const blobs = Object.values(artifacts).flat().flatMap(blobsOf);
    for (const blob of blobs) expect(await tools.blobs.has(blob)).toBe(true);
    expect(await readdir(tools.scratch)).toEqual([]);
    expect(await runJob(job, tools, () => {})).toEqual(artifacts);
  });

  it('builds damaged files of a plan again, byte for byte', async () => {
    const imported = await importModel();
    const { plan } = await runJob(
      {
        kind: 'plan',
        profileSha256: imported.profile.sha256,
        choice: { ...choice, splits: 'weights', devices: devices(5) },
      },
      tools,
      () => {},
    );
    const job = { kind: 'build', plan, canonical: imported.canonical } as const;
    const files = new Set(
      Object.values(await runJob(job, tools, () => {})).flatMap((each) => each.flatMap(blobsOf)),
    );
    for (const { sha256 } of files) await changeOneByte(tools.blobs.path(sha256));
    const verify = (sha256: string) => runJob({ kind: 'verify-blob', sha256 }, tools, () => {});
    for (const { sha256 } of files) expect(await verify(sha256)).toBe(false);
    await runJob(job, tools, () => {});
    for (const { sha256 } of files) expect(await verify(sha256)).toBe(true);
  });

  it('neither plans nor builds with a damaged file of a model', async () => {
    const { profile, canonical } = await importModel();
    const planning = {
      kind: 'plan',
      profileSha256: profile.sha256,
      choice: { ...choice, devices: devices(5) },
    } as const;
    const { plan } = await runJob(planning, tools, () => {});
    await changeOneByte(tools.blobs.path(canonical.weights!.sha256));
    const building = runJob({ kind: 'build', plan, canonical }, tools, () => {});
    expect(await building.then(() => null, jobErrorReport)).toMatchObject({ code: 'damaged-model' });
    await changeOneByte(tools.blobs.path(profile.sha256));
    const again = runJob(planning, tools, () => {});
    expect(await again.then(() => null, jobErrorReport)).toMatchObject({
      status: 500,
      code: 'damaged-model',
      hint: expect.stringContaining('Upload the same model again'),
    });
  });

  it('builds one file of weights for all shards of a layer that divides its input', async () => {
    const imported = await importModel();
    const { plan } = await runJob(
      {
        kind: 'plan',
        profileSha256: imported.profile.sha256,
        choice: {
          ...choice,
          k: 2,
          layers: [imported.layers[1]!.name],
          splits: 'inputs',
          devices: devices(3),
        },
      },
      tools,
      () => {},
    );
    const step = plan.steps.find(({ kind }) => kind === 'coded')!;
    const made: JobProgress['made'][] = [];
    const progress: number[] = [];
    const artifacts = await runJob({ kind: 'build', plan, canonical: imported.canonical }, tools, (each) => {
      progress.push(each.fraction);
      made.push(each.made);
    });
    const [first, second, parity] = artifacts[step.id]!;
    expect(second).toEqual(first);
    expect(first!.weights).not.toBeNull();
    expect(parity!.weights).toEqual(first!.weights);
    expect(parity!.graph).not.toEqual(first!.graph);
    const seats = made.filter((one) => artifacts[step.id]!.includes(one!.artifact)).map((one) => one!.seats);
    expect(seats).toEqual([[0, 1], [2]]);
    expect(progress.at(-1)).toBe(1);
  });

  it.each([
    ['no bytes', (_model: Buffer) => Buffer.alloc(0), 'not-onnx'],
    ['text', () => Buffer.from('hello, I am not a model'), 'not-onnx'],
    ['half a model', (model: Buffer) => model.subarray(0, model.length >> 1), 'truncated'],
  ])('rejects %s and leaves nothing in its scratch directory', async (_what, change, code) => {
    const path = join(directory, 'bad.onnx');
    await writeFile(path, change(await readFile(modelPath)));
    const failure = await importModel(path).then(() => null, jobErrorReport);
    expect(failure).toMatchObject({ status: 400, code });
    expect(await readdir(tools.scratch)).toEqual([]);
  });

  it('imports a model with external data as an archive, and rejects it without its data', async () => {
    const { canonical } = await importModel();
    const graph = join(directory, 'net.onnx');
    await copyFile(tools.blobs.path(canonical.graph.sha256), graph);
    const failure = await importModel(graph).then(() => null, jobErrorReport);
    expect(failure).toMatchObject({
      status: 400,
      code: 'missing-external-data',
      hint: expect.stringContaining('tar cf'),
    });
    const weights = canonical.weights!.sha256;
    const archive = join(directory, 'net.tar');
    execFileSync('tar', ['-cf', archive, '-C', directory, 'net.onnx', '-C', tools.blobs.directory, weights]);
    const again = await importModel(archive);
    expect(again.parameters).toBe(61_706);
    expect(again.canonical.weights).toEqual(canonical.weights);
    expect(await readdir(tools.scratch)).toEqual([]);
  });

  describe('a TensorFlow.js model', () => {
    const layer = { name: 'head', units: 3, activation: 'softmax', batch_input_shape: [null, 4] };
    const model = {
      modelTopology: {
        class_name: 'Sequential',
        config: { layers: [{ class_name: 'Dense', config: layer }] },
      },
      weightsManifest: [
        {
          paths: ['weights.bin'],
          weights: [
            { name: 'head/kernel', shape: [4, 3], dtype: 'float32' },
            {
              name: 'head/bias',
              shape: [3],
              dtype: 'float32',
              quantization: { dtype: 'uint8', scale: 0.5, min: -1 },
            },
          ],
        },
      ],
    };
    const importFiles = async (weights: Uint8Array | null, json: unknown = model) => {
      const files = join(directory, 'tm');
      await mkdir(files);
      await writeFile(join(files, 'model.json'), JSON.stringify(json));
      await writeFile(join(files, 'metadata.json'), '{"labels":["a","b","c"]}');
      if (weights) await writeFile(join(files, 'weights.bin'), weights);
      const archive = join(directory, 'tm.tar');
      execFileSync('tar', ['-cf', archive, '-C', directory, 'tm']);
      return runJob(
        {
          kind: 'import-model',
          path: archive,
          name: 'tm',
          dimensions: { batch: 1 },
          maxDimensions: {},
          shapes: {},
        },
        tools,
        () => {},
      );
    };

    it('is imported from an archive like an ONNX model', async () => {
      const imported = await importFiles(new Uint8Array(51));
      expect(imported.inputs).toMatchObject([{ name: 'head_input', type: 'float32' }]);
      expect(imported.outputs).toMatchObject([{ name: 'head', type: 'float32' }]);
      expect(imported.layers).toMatchObject([{ op: 'Gemm', parameters: 15, codable: true }]);
      expect(await readdir(tools.scratch)).toEqual([]);
    });

    it.each([
      ['without its weights', null, model, 'not-onnx', 'The weight file "weights.bin" is missing.'],
      [
        'with a short weight file',
        new Uint8Array(50),
        model,
        'not-onnx',
        'The weight file "weights.bin" has 50 bytes, but model.json describes 51.',
      ],
      [
        'with an unknown layer',
        new Uint8Array(51),
        {
          ...model,
          modelTopology: { class_name: 'Sequential', config: [{ class_name: 'Mystery', config: layer }] },
        },
        'unknown-operator',
        'The layer "Mystery" (named "head") is not supported.',
      ],
    ])('%s is rejected in one sentence', async (_what, weights, json, code, message) => {
      const failure = await importFiles(weights, json).then(() => null, jobErrorReport);
      expect(failure).toMatchObject({ status: 400, code, message });
      expect(await readdir(tools.scratch)).toEqual([]);
    });

    it('without an archive is rejected, because its weights are missing', async () => {
      const path = join(directory, 'upload');
      await writeFile(path, JSON.stringify(model));
      const failure = await importModel(path).then(() => null, jobErrorReport);
      expect(failure).toMatchObject({
        status: 400,
        message: 'The weight file "weights.bin" is missing.',
        hint: 'Upload model.json together with all weight files that it names.',
      });
    });
  });

  it('writes a model of the zoo to a file', async () => {
    const path = join(directory, 'built.onnx');
    const built = await runJob({ kind: 'build-zoo-model', name: 'lenet5', path }, tools, () => {});
    const bytes = await readFile(path);
    expect(built).toEqual({ sha256: createHash('sha256').update(bytes).digest('hex'), bytes: bytes.length });
    expect((await importModel(path)).parameters).toBe(61_706);
  });

  it('reports a model that crashes ONNX Runtime', async () => {
    const path = join(directory, 'crash.cjs');
    await writeFile(path, "process.once('message', () => process.kill(process.pid, 'SIGSEGV'));");
    tools = { ...tools, canonicalChild: { path, execArgv: [] } };
    const failure = await importModel().then(() => null, jobErrorReport);
    expect(failure).toMatchObject({
      status: 400,
      code: 'does-not-run',
      message: 'ONNX Runtime crashed on the model (SIGSEGV).',
    });
    expect(await readdir(tools.scratch)).toEqual([]);
  });

  it('ends the child process of a conversion when it closes', async () => {
    const path = join(directory, 'endless.cjs');
    const processId = join(directory, 'process-id');
    await writeFile(
      path,
      `process.once('message', () => require('node:fs').writeFileSync('${processId}', String(process.pid)));
       setInterval(() => {}, 1000);`,
    );
    const closing = new AbortController();
    tools = { ...tools, canonicalChild: { path, execArgv: [] }, closing: closing.signal };
    const importing = importModel();
    importing.catch(() => {});
    await vi.waitFor(
      async () => expect(Number(await readFile(processId, 'utf8'))).toBeGreaterThan(0),
      10_000,
    );
    closing.abort(new Error('the model builder is closing'));
    await expect(importing).rejects.toThrow('the model builder is closing');
    const id = Number(await readFile(processId, 'utf8'));
    expect(() => process.kill(id, 0)).toThrow('ESRCH');
  });

  it('rejects a plan for too few devices with the reason of the planner', async () => {
    const { profile } = await importModel();
    const job = {
      kind: 'plan',
      profileSha256: profile.sha256,
      choice: { ...choice, devices: devices(4) },
    } as const;
    const failure = await runJob(job, tools, () => {}).then(() => null, jobErrorReport);
    expect(failure).toMatchObject({
      status: 400,
      code: 'too-few-devices',
      message: expect.stringMatching(/\.$/),
    });
  });
});

describe('the blob store', () => {
  it('names blobs by content, collects unused blobs, and removes incomplete files', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'sparewheel-blobs-'));
    const blobs = new BlobStore(directory);
    const text = (value: string) => [new TextEncoder().encode(value)];
    const one = blobs.write(text('one'));
    const two = blobs.write(text('two'));
    expect(blobs.write(text('one'))).toEqual(one);
    expect(await blobs.has(one)).toBe(true);
    expect(await blobs.has({ ...one, bytes: 4 })).toBe(false);
    await writeFile(join(directory, 'half.part'), 'ha');
    await blobs.open();
    expect((await readdir(directory)).sort()).toEqual([one.sha256, two.sha256].sort());
    expect(await blobs.collect(new Set([two.sha256]))).toBe(1);
    expect(await readdir(directory)).toEqual([two.sha256]);
    expect(() => blobs.path('../etc/passwd')).toThrow('is not a blob name');
    await rm(directory, { recursive: true });
  });

  it('removes a blob when writing fails', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'sparewheel-blobs-'));
    const broken = function* () {
      yield new Uint8Array(10);
      throw new Error('the source ended');
    };
    expect(() => new BlobStore(directory).write(broken())).toThrow('the source ended');
    expect(await readdir(directory)).toEqual([]);
    await rm(directory, { recursive: true });
  });
});

async function changeOneByte(path: string): Promise<void> {
  const data = await readFile(path);
  data[data.length >> 1]! ^= 1;
  await writeFile(path, data);
}
