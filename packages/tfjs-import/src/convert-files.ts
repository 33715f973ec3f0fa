import { closeSync, openSync, readFileSync, readSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { detachWeights, joinChunks, ModelRejectedError, NO_EXTERNAL_DATA } from '@sparewheel/onnx';
import { convertTfjs } from './convert.ts';
import { incomplete } from './errors.ts';
import { isModelJson, MAX_JSON_BYTES } from './model-json.ts';
import type { WeightFiles } from './weights.ts';

/** An archive of Teachable Machine has model.json and metadata.json. */
const MAX_JSON_FILES = 20;

/**
 * Converts the TensorFlow.js model among JSON files, with the weight files next to it. At most one weight is in
 * memory at a time.
 * @param jsonPaths  the JSON files of the upload; exactly one must be a model
 * @param directory  an existing directory for the result
 * @returns the path of the ONNX file; its weights are in a file next to it
 * @throws {ModelRejectedError} as `convertTfjs`, or there is not exactly one model
 */
export function convertTfjsFiles(jsonPaths: readonly string[], directory: string): string {
  const { path, json } = findModel(jsonPaths);
  const model = convertTfjs(json, filesNextTo(path));
  const detached = detachWeights({ model, external: NO_EXTERNAL_DATA });
  const location = 'converted.weights';
  const descriptor = openSync(join(directory, location), 'wx');
  try {
    for (const chunk of detached.weights()) writeAll(descriptor, chunk);
  } finally {
    closeSync(descriptor);
  }
  const result = join(directory, 'converted.onnx');
  writeFileSync(result, joinChunks(detached.graph(location)), { flag: 'wx' });
  return result;
}

function findModel(jsonPaths: readonly string[]): { path: string; json: unknown } {
  if (jsonPaths.length > MAX_JSON_FILES)
    throw incomplete(`the upload has more than ${MAX_JSON_FILES} JSON files`);
  const models: { path: string; json: unknown }[] = [];
  for (const path of jsonPaths) {
    const json = readJson(path);
    if (isModelJson(json) || jsonPaths.length === 1) models.push({ path, json });
  }
  if (models.length !== 1) {
    throw incomplete(`the upload has ${models.length} TensorFlow.js models; exactly one is allowed`);
  }
  return models[0]!;
}

function readJson(path: string): unknown {
  const { size } = statSync(path);
  if (size > MAX_JSON_BYTES) {
    throw new ModelRejectedError(
      'TOO_LARGE',
      `the JSON file has ${size} bytes; the limit is ${MAX_JSON_BYTES}`,
      'keep the weights in separate files',
    );
  }
  try {
    return JSON.parse(readFileSync(path, 'utf8').replace(/^\uFEFF/, ''));
  } catch (error) {
    const reason = error instanceof Error ? error.message.slice(0, 200) : String(error);
    throw incomplete(`the file "${basename(path).slice(0, 100)}" is not valid JSON: ${reason}`);
  }
}

/** Finds weight files by their path, or by their name alone: files that are dropped together have no folders. */
function filesNextTo(jsonPath: string): WeightFiles {
  const directory = dirname(jsonPath);
  const locate = (path: string): { file: string; size: number } | undefined => {
    const parts = path.split(/[/\\]/);
    const candidates = parts.includes('..') || path.includes('\0') ? [] : [join(directory, ...parts)];
    const name = parts.at(-1)!;
    if (name !== '' && name !== '..' && !name.includes('\0')) candidates.push(join(directory, name));
    for (const file of candidates) {
      const stat = statSync(file, { throwIfNoEntry: false });
      if (stat?.isFile()) return { file, size: stat.size };
    }
    return undefined;
  };
  return {
    size: (path) => locate(path)?.size,
    read(path, offset, length) {
      const descriptor = openSync(locate(path)!.file, 'r');
      try {
        const bytes = new Uint8Array(length);
        for (let done = 0; done < length; ) {
          const count = readSync(descriptor, bytes, done, length - done, offset + done);
          if (count === 0) throw incomplete(`the weight file "${path}" became shorter while it was read`);
          done += count;
        }
        return bytes;
      } finally {
        closeSync(descriptor);
      }
    },
  };
}

function writeAll(descriptor: number, chunk: Uint8Array): void {
  for (let done = 0; done < chunk.byteLength; ) {
    done += writeSync(descriptor, chunk, done, chunk.byteLength - done);
  }
}
