/** Models: uploads, import in the model builder, records, deletion. */
import { rm } from 'node:fs/promises';
import type { ModelBuilder } from '@sparewheel/model-builder';
import { type Artifact, blobsOf } from '@sparewheel/planner';
import type { ModelView } from '@sparewheel/protocol';
import { ApiError } from '@sparewheel/protocol';
import { zooModel, zooModels } from '@sparewheel/zoo';
import { ModelInUseError, type ModelRecord, type Store } from '../database/store.ts';
import type { EventLog } from '../events/event-log.ts';
import type { ReceivedFile } from './receive-upload.ts';

export interface ModelParts {
  readonly store: Store;
  readonly modelBuilder: ModelBuilder;
  readonly events: EventLog;
  /** Removes files that no model uses. */
  readonly collectGarbage: () => Promise<void>;
}

/** Sizes for free dimensions: usual and largest ones by name, and shapes by input, which fix them. */
export interface InputSizes {
  readonly dimensions: Readonly<Record<string, number>>;
  readonly maxDimensions: Readonly<Record<string, number>>;
  readonly shapes: Readonly<Record<string, readonly number[]>>;
}
export const NO_SIZES: InputSizes = { dimensions: {}, maxDimensions: {}, shapes: {} };

export class Models {
  readonly #parts: ModelParts;
  readonly #changed: () => void;

  constructor(parts: ModelParts, changed: () => void) {
    this.#parts = parts;
    this.#changed = changed;
  }

  async views(): Promise<readonly ModelView[]> {
    return (await this.#parts.store.models()).map(modelView);
  }

  /** @throws {ApiError} 404 */
  async view(name: string): Promise<ModelView> {
    const record = await this.#parts.store.model(name);
    if (record === null) throw unknownModel(name);
    return modelView(record);
  }

  /**
   * Rejects an upload before its bytes arrive, if another model has its name.
   * @param bytes  the length of the upload, if known
   * @throws {ApiError} 409
   */
  async refuseTaken(name: string, bytes: number | null): Promise<void> {
    const existing = await this.#parts.store.model(name);
    if (existing !== null && bytes !== null && existing.bytes !== bytes) throw nameTaken(name);
  }

  /**
   * Adds a received file as a model, and removes the file in any case. The same bytes and name are the same model.
   * @returns `created` is false if the model existed
   * @throws {ApiError} 409 another model has the name; 400 why the model cannot be served
   */
  async add(
    name: string,
    file: ReceivedFile,
    sizes: InputSizes = NO_SIZES,
  ): Promise<{ model: ModelView; created: boolean }> {
    try {
      return await this.#parts.modelBuilder.exclusive(() => this.#add(name, file, sizes));
    } catch (error) {
      // Some of its files may already be in the blob store.
      void this.#parts.collectGarbage();
      throw error;
    } finally {
      await rm(file.path, { force: true });
    }
  }

  /**
   * Builds a network of the zoo in the model builder and adds it like an upload.
   * @param path  where the model builder writes the network, in the scratch folder
   * @throws {ApiError} 404 the zoo has no such network; 409 another model has the name
   */
  async addFromZoo(
    zooName: string,
    name: string,
    path: string,
  ): Promise<{ model: ModelView; created: boolean }> {
    if (zooModel(zooName) === undefined) {
      throw new ApiError(
        404,
        'unknown-model',
        `The zoo has no model "${zooName}".`,
        `It has ${zooModels.map((model) => model.name).join(', ')}.`,
      );
    }
    await this.refuseTaken(name, null);
    try {
      const built = await this.#parts.modelBuilder.run({ kind: 'build-zoo-model', name: zooName, path });
      return await this.add(name, { path, ...built });
    } finally {
      await rm(path, { force: true });
    }
  }

  async #add(name: string, file: ReceivedFile, { dimensions, maxDimensions, shapes }: InputSizes) {
    const { store, modelBuilder, events } = this.#parts;
    const existing = await store.model(name);
    if (existing !== null) {
      const same =
        existing.sha256 === file.sha256 &&
        Object.entries(dimensions).every(([dimension, size]) => existing.dimensions[dimension] === size) &&
        Object.entries(maxDimensions).every(([dimension, max]) =>
          existing.inputs.some(({ free }) =>
            free?.some((each) => each?.name === dimension && each.max === max),
          ),
        ) &&
        Object.entries(shapes).every(([input, shape]) =>
          existing.inputs.some(({ name: known, dims }) => known === input && `${dims}` === `${shape}`),
        );
      if (!same) throw nameTaken(name);
      if (await this.#isIntact(existing)) return { model: modelView(existing), created: false };
      return { model: await this.#repair(existing, file, shapes), created: false };
    }
    const { canonical, profile, ...described } = await modelBuilder.run({
      kind: 'import-model',
      path: file.path,
      name,
      dimensions,
      maxDimensions,
      shapes,
    });
    const record: ModelRecord = {
      name,
      sha256: file.sha256,
      bytes: file.bytes,
      canonical,
      profileSha256: profile.sha256,
      dimensions,
      ...described,
      createdAt: new Date().toISOString(),
    };
    await store.createModel(record);
    events.add({
      kind: 'model-uploaded',
      level: 'info',
      message: `The model ${name} was uploaded: ${record.layers.length} linear layers, ${record.parameters.toLocaleString('en')} parameters.`,
      device: null,
      deployment: null,
    });
    this.#changed();
    return { model: modelView(record), created: true };
  }

  async #isIntact({ canonical, profileSha256 }: ModelRecord): Promise<boolean> {
    for (const sha256 of [profileSha256, ...blobsOf(canonical).map((blob) => blob.sha256)]) {
      if (!(await this.#parts.modelBuilder.run({ kind: 'verify-blob', sha256 }))) return false;
    }
    return true;
  }

  /**
   * Writes the damaged files of a model again.
   * @throws {ApiError} 409 the upload gives other files, which would not match the plans of the deployments
   */
  async #repair(
    existing: ModelRecord,
    { path }: ReceivedFile,
    shapes: InputSizes['shapes'],
  ): Promise<ModelView> {
    const { store, modelBuilder, events } = this.#parts;
    const { name, dimensions } = existing;
    const maxDimensions = Object.fromEntries(
      existing.inputs.flatMap(({ free }) =>
        (free ?? []).flatMap((each) => (each === null ? [] : [[each.name, each.max]])),
      ),
    );
    const { canonical, profile } = await modelBuilder.run({
      kind: 'import-model',
      path,
      name,
      dimensions,
      maxDimensions,
      shapes,
    });
    const names = (artifact: Artifact) => blobsOf(artifact).map(({ sha256 }) => sha256);
    if (`${names(canonical)}` !== `${names(existing.canonical)}`) {
      throw new ApiError(
        409,
        'not-repaired',
        `The stored files of the model "${name}" are damaged, and this upload does not give the same files.`,
        'Give the same sizes as at the first upload. Otherwise delete the model and its deployments, and upload it again.',
      );
    }
    // The profile holds measured times, so its file has another name.
    await store.setModelProfile(name, profile.sha256);
    events.add({
      kind: 'model-repaired',
      level: 'info',
      message: `Stored files of the model ${name} were damaged. The upload repaired them.`,
      device: null,
      deployment: null,
    });
    return modelView(existing);
  }

  /** @throws {ApiError} 404; 409 a deployment uses the model */
  async delete(name: string): Promise<void> {
    const { store, events, collectGarbage } = this.#parts;
    try {
      if (!(await store.deleteModel(name))) throw unknownModel(name);
    } catch (error) {
      if (!(error instanceof ModelInUseError)) throw error;
      throw new ApiError(
        409,
        'model-in-use',
        `The model "${name}" is used by ${error.deployments.join(', ')}.`,
        'Delete those deployments first.',
      );
    }
    events.add({
      kind: 'model-deleted',
      level: 'info',
      message: `The model ${name} was deleted.`,
      device: null,
      deployment: null,
    });
    this.#changed();
    void collectGarbage();
  }
}

function modelView({
  name,
  sha256,
  bytes,
  inputs,
  outputs,
  layers,
  parameters,
  createdAt,
}: ModelRecord): ModelView {
  return { name, sha256, bytes, inputs, outputs, layers, parameters, createdAt };
}

function nameTaken(name: string): ApiError {
  return new ApiError(
    409,
    'name-taken',
    `There is already another model named "${name}".`,
    'Choose another name, or delete that model first.',
  );
}

export function unknownModel(name: string): ApiError {
  return new ApiError(
    404,
    'unknown-model',
    `There is no model named "${name}".`,
    'GET /api/models lists the models. POST /api/models?name=NAME uploads one.',
  );
}
