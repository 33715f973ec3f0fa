import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { joinChunks, type Model, ModelRejectedError, writeModel } from '@sparewheel/onnx';
import { afterEach, beforeEach, expect } from 'vitest';
import { canonicalize, openCanonical } from '../canonical.ts';
import type { DimensionValues } from '../graph-rewrites.ts';

/** Gives each test of the file an empty folder, and imports models in it. */
export function importFolder() {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'import-test-'));
    mkdirSync(join(directory, 'scratch'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const convert = (bytes: Uint8Array, values: DimensionValues = {}) => {
    const modelPath = join(directory, 'model.onnx');
    writeFileSync(modelPath, bytes);
    return canonicalize({
      modelPath,
      scratchDirectory: join(directory, 'scratch'),
      outputDirectory: join(directory, 'out'),
      ...values,
    });
  };

  return {
    path: (...parts: readonly string[]) => join(directory, ...parts),
    convert,
    convertModel: (source: Model, values?: DimensionValues) =>
      convert(joinChunks(writeModel(source)), values),
    /** Awaits the rejection of a model. It leaves no file behind, and its message tells no path of this machine. */
    async rejection(promise: Promise<unknown>): Promise<ModelRejectedError> {
      const error: unknown = await promise.then(
        () => undefined,
        (reason: unknown) => reason,
      );
      expect(error).toBeInstanceOf(ModelRejectedError);
      expect(readdirSync(join(directory, 'scratch'))).toEqual([]);
      expect((error as Error).message).not.toContain(directory);
      return error as ModelRejectedError;
    },
  };
}

/** Reads a canonical model. */
export function readCanonical(path: string): Model {
  const loaded = openCanonical(path);
  loaded.close();
  return loaded.model;
}
