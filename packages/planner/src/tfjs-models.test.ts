/**
 * TensorFlow.js models over 3 + 1 devices, against TensorFlow.js itself. Models of other npm packages are tested
 * on demand, because the packages are large and TensorFlow.js needs minutes for them (docs/MODELS.md):
 *
 *   SPAREWHEEL_TFJS_MODELS=FOLDER[,FOLDER] SPAREWHEEL_TFJS_IMAGE=PHOTO npx vitest run packages/planner/src/tfjs-models.test.ts
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { readModel, type ValueType } from '@sparewheel/onnx';
import { canonicalize, openCanonical } from '@sparewheel/onnx-import';
import { convertTfjsFiles } from '@sparewheel/tfjs-import';
import {
  type Feed,
  relativeError,
  saved,
  type TfjsFiles,
  teachableMachineModel,
  tfjsOutputs,
} from '@sparewheel/tfjs-import/testing';
import { Tensor } from 'onnxruntime-node';
import { afterAll, describe, expect, test } from 'vitest';
import { createPlan } from './planner.ts';
import { profileModel } from './profile.ts';
import { buildArtifacts } from './steps/build.ts';
import { directorySink, PlanExecutor } from './testing/execute.ts';
import { type ImageInput, realInput } from './testing/tfjs-inputs.ts';

/** The product's limit for the relative error of every network, healthy and with a dead device. */
const TOLERANCE = 1e-4;
/** Larger limits, for outputs that are probabilities near 0: their error is relative to themselves. */
const LIMITS: Readonly<Record<string, number>> = { facemesh: 1e-3 };

interface Case {
  readonly name: string;
  readonly path: string;
  readonly input: ImageInput;
}

/** The limits and sizes that the authors of the models expect. */
const INPUTS: Readonly<Record<string, ImageInput>> = {
  centernet: { size: 128, highest: 255 },
  'movenet-lightning': { size: 192, highest: 255 },
  'esrgan-slim': { size: 16, highest: 1 },
};

function esrgan(): Case[] {
  const installed = createRequire(import.meta.url).resolve.paths('@upscalerjs/esrgan-slim')!;
  const folder = installed
    .map((parent) => join(parent, '@upscalerjs/esrgan-slim'))
    .find((path) => existsSync(path));
  if (folder === undefined) throw new Error('npm install has not installed @upscalerjs/esrgan-slim');
  return ['x2', 'x4'].map((scale) => ({
    name: `esrgan-slim-${scale}`,
    path: join(folder, 'models', scale, 'model.json'),
    input: INPUTS['esrgan-slim']!,
  }));
}

/** Writes a model with the structure of Teachable Machine, because its models are not in any package. */
async function teachableMachine(): Promise<Case> {
  const { json, weights } = await saved(teachableMachineModel(64, 4));
  writeFileSync(join(built, 'model.json'), JSON.stringify(json));
  writeFileSync(join(built, 'weights.bin'), weights);
  return { name: 'teachable-machine', path: join(built, 'model.json'), input: { size: 64, highest: 1 } };
}

function onDemand(): Case[] {
  const folders = process.env.SPAREWHEEL_TFJS_MODELS?.split(',').filter(Boolean) ?? [];
  return folders.flatMap((folder) =>
    readdirSync(folder)
      .filter(
        (file) =>
          file.endsWith('.json') && readFileSync(join(folder, file), 'utf8').includes('weightsManifest'),
      )
      .map((file) => {
        const holder = basename(folder) === 'model' ? dirname(folder) : folder;
        const name = basename(file === 'model.json' ? holder : file, '.json');
        return { name, path: join(folder, file), input: INPUTS[name] ?? { size: 64, highest: 1 } };
      }),
  );
}

const built = mkdtempSync(join(tmpdir(), 'tfjs-built-'));
afterAll(() => rmSync(built, { recursive: true }));
const machine = await teachableMachine();
const extra = onDemand();
if (extra.length === 0)
  console.warn('SPAREWHEEL_TFJS_MODELS is not set; skipping the models of other packages');

function readFiles(path: string): TfjsFiles {
  const json = JSON.parse(readFileSync(path, 'utf8')) as TfjsFiles['json'] & {
    userDefinedMetadata?: { signature?: unknown };
  };
  const paths = json.weightsManifest.flatMap((group) => group.paths);
  const weights = Buffer.concat(paths.map((file) => readFileSync(join(dirname(path), file))));
  const signature = json.signature ?? json.userDefinedMetadata?.signature;
  return { json: signature ? { ...json, signature } : json, weights };
}

describe('a TensorFlow.js model gives its answer over 3 + 1 devices, healthy and with each device dead:', () => {
  test.each([machine, ...esrgan(), ...extra])(
    '$name',
    async ({ name, path, input }) => {
      const directory = mkdtempSync(join(tmpdir(), 'tfjs-'));
      try {
        const modelPath = convertTfjsFiles([path], directory);
        const [declared] = readModel(readFileSync(modelPath)).graph.inputs;
        const type = declared!.type as ValueType & { kind: 'tensor' };
        const dims = type.dims!.map((dim) =>
          typeof dim === 'number' ? dim : dim === 'batch' ? 1 : input.size,
        );
        const canonical = await canonicalize({
          modelPath,
          scratchDirectory: directory,
          outputDirectory: join(directory, 'models'),
          shapes: { [declared!.name]: dims },
        });
        const loaded = openCanonical(canonical.graph.path);
        const profile = profileModel(
          loaded.model,
          { name, sha256: canonical.graph.sha256 },
          canonical.nodeMs,
        );
        const [spec] = profile.inputs;
        const feed = await realInput(dims, spec!.type, input, process.env.SPAREWHEEL_TFJS_IMAGE);
        const expected = await tfjsOutputs(readFiles(path), [feed]);
        const plan = createPlan(profile, { k: 3, r: 1, strategy: 'coded', layers: 'all' });
        const artifacts = await buildArtifacts(plan, loaded, directorySink(directory));
        const executor = new PlanExecutor(plan, artifacts, directory);
        const errors: number[] = [];
        const outputs = loaded.model.graph.outputs.map((output) => output.name);
        for (const dead of [[], [0], [1], [2], [3]]) {
          const answer = await executor.run(
            { [declared!.name]: new Tensor(spec!.type as 'float32', feed.data as Float32Array, feed.dims) },
            new Set(dead),
          );
          errors.push(
            Math.max(
              ...outputs.map((output, index) => relativeError(feedOf(answer[output]!), expected[index]!)),
            ),
          );
        }
        await executor.release();
        loaded.close();
        const coded = plan.steps.filter(({ kind }) => kind === 'coded').length;
        report(name, path, coded, errors);
        expect(coded).toBeGreaterThan(0);
        expect(Math.max(...errors)).toBeLessThan(LIMITS[name] ?? TOLERANCE);
      } finally {
        rmSync(directory, { recursive: true });
      }
    },
    600_000,
  );
});

function feedOf({ dims, data }: Tensor): Feed {
  return { dims, data: Float32Array.from(data as ArrayLike<number>, Number) };
}

/** Prints a row of the table in docs/MODELS.md. */
function report(name: string, path: string, coded: number, errors: readonly number[]): void {
  if (extra.length === 0) return;
  const operators = operatorsOf(readFiles(path).json.modelTopology).size;
  const [healthy, ...dead] = errors.map((error) => error.toExponential(1));
  const worst = dead.reduce((a, b) => (Number(a) > Number(b) ? a : b));
  console.log(`| ${name} | ${operators} | ${coded} | ${healthy} | ${worst} |`);
}

/** Returns the operators of a graph model, or the layers of a layers model. */
function operatorsOf(topology: unknown): Set<string> {
  const found = new Set<string>();
  JSON.stringify(topology, (key, value) => {
    if (key === 'node') for (const { op } of value) found.add(op);
    if (key === 'layers') for (const { class_name } of value) found.add(class_name);
    return value;
  });
  return found;
}
