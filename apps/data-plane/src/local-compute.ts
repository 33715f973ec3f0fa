import { join } from 'node:path';
import type { LocalCompute } from '@sparewheel/coordinator';
import type { Engine } from '@sparewheel/engine';
import { type Artifact, blobsOf } from '@sparewheel/planner';
import type { Tensor } from '@sparewheel/protocol';
import type { IntactBlobs } from './intact-blobs.ts';

/** Memory for loaded rescue shards: those of a few small models, or one of a large model. */
const RESCUE_BYTES = 512 * 1024 * 1024;

/** How long after the deadline of a request its run is ended. */
const DEADLINE_MARGIN_MS = 100;

/**
 * Runs local steps and rescues on the data plane. Each has its own engine thread: loading a large shard for
 * its first rescue must not delay the local steps of other requests.
 */
export class EngineCompute implements LocalCompute {
  readonly #directory: string;
  readonly #blobs: IntactBlobs;
  readonly #steps: Engine;
  readonly #rescues: Engine;
  /** Number of deployments that use an artifact as a local step, by key. */
  readonly #pinned = new Map<string, number>();
  /** Loaded rescue shards by key, least recently used first. */
  readonly #recent = new Map<string, number>();
  readonly #rescueBytes: number;
  /** Artifacts whose files were verified since they were last unloaded, by key. */
  readonly #verified = new Set<string>();

  /** @param directory  holds the blob files, named by their SHA-256 */
  constructor(
    directory: string,
    blobs: IntactBlobs,
    engines: { steps: Engine; rescues: Engine },
    rescueBytes = RESCUE_BYTES,
  ) {
    this.#directory = directory;
    this.#blobs = blobs;
    this.#steps = engines.steps;
    this.#rescues = engines.rescues;
    this.#rescueBytes = rescueBytes;
  }

  /** Loads the local steps of a deployment before its first request. */
  async preload(artifacts: readonly Artifact[]): Promise<void> {
    for (const artifact of artifacts) {
      const key = keyOf(artifact);
      this.#pinned.set(key, (this.#pinned.get(key) ?? 0) + 1);
    }
    await Promise.all(artifacts.map((artifact) => this.#load(this.#steps, artifact, false)));
  }

  /** Reverts `preload`. */
  async release(artifacts: readonly Artifact[]): Promise<void> {
    for (const artifact of artifacts) {
      const key = keyOf(artifact);
      const users = (this.#pinned.get(key) ?? 0) - 1;
      if (users > 0) this.#pinned.set(key, users);
      else if (this.#pinned.delete(key)) {
        this.#verified.delete(key);
        await this.#steps.unload(key);
      }
    }
  }

  async run(
    artifact: Artifact,
    names: { readonly feeds: readonly string[]; readonly fetches: readonly string[] },
    feeds: readonly Tensor[],
    timeoutMs?: number,
  ): Promise<readonly Tensor[]> {
    const key = keyOf(artifact);
    const engine = this.#pinned.has(key) ? this.#steps : this.#rescues;
    if (engine === this.#rescues) this.#touch(artifact);
    // Started first: an engine executes its calls in order, and returns at once if the model is loaded.
    const loaded = this.#load(engine, artifact, engine === this.#rescues);
    const named = Object.fromEntries(names.feeds.map((name, at) => [name, feeds[at]!]));
    await loaded;
    const { fetches } = await engine.run(key, named, names.fetches, undefined, limitOf(timeoutMs));
    return names.fetches.map((name) => fetches[name]!);
  }

  async close(): Promise<void> {
    await Promise.all([this.#steps.close(), this.#rescues.close()]);
  }

  async #load(engine: Engine, artifact: Artifact, mapped: boolean): Promise<void> {
    const { graph, weights } = artifact;
    const key = keyOf(artifact);
    if (!this.#verified.has(key)) {
      await this.#blobs.require(blobsOf(artifact));
      this.#verified.add(key);
    }
    const source = { kind: 'file', path: join(this.#directory, graph.sha256) } as const;
    await engine.load(key, weights === null ? source : { ...source, externalData: [weights.sha256] }, {
      mapped,
    });
  }

  /** Marks a rescue shard as used, and unloads the least recently used shards over the memory limit. */
  #touch(artifact: Artifact): void {
    const key = keyOf(artifact);
    this.#recent.delete(key);
    this.#recent.set(key, artifact.graph.bytes + (artifact.weights?.bytes ?? 0));
    let total = 0;
    for (const bytes of this.#recent.values()) total += bytes;
    for (const [oldest, bytes] of this.#recent) {
      if (total <= this.#rescueBytes || oldest === key) return;
      this.#recent.delete(oldest);
      this.#verified.delete(oldest);
      total -= bytes;
      void this.#rescues.unload(oldest);
    }
  }
}

/** Returns the longest run: a little more than the request has, so that it fails because of its deadline. */
function limitOf(timeoutMs: number | undefined): number | undefined {
  return timeoutMs === undefined ? undefined : Math.max(0, timeoutMs) + DEADLINE_MARGIN_MS;
}

/**
 * Returns the digest of the graph. It identifies the weights, too: the graph refers to them by their digest.
 */
function keyOf(artifact: Artifact): string {
  return artifact.graph.sha256;
}
