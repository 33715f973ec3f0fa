import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  Coordinator,
  type CoordinatorEvent,
  DEFAULT_POLICY,
  type Inference,
  type Policy,
} from '@sparewheel/coordinator';
import { createDirectEngine, type Engine } from '@sparewheel/engine';
import { BlobStore, type ImportedModel } from '@sparewheel/model-builder';
import { runJob } from '@sparewheel/model-builder/jobs';
import type { Artifacts, Plan, PlanOptions } from '@sparewheel/planner';
import type { Tensor } from '@sparewheel/protocol';
import { systemClock } from '@sparewheel/runtime/clock';
import { type DeviceKind, EngineFleet } from './engine-fleet.ts';

/** A plan with its artifacts, for repeated deployments. */
export interface Built {
  readonly plan: Plan;
  readonly artifacts: Artifacts;
}

/** An honest, mixed fleet: native devices, one on WebAssembly, and one that is slow. */
export const MIXED: readonly DeviceKind[] = [
  { engine: 'native', slowMs: 0 },
  { engine: 'wasm', slowMs: 0 },
  { engine: 'native', slowMs: 0 },
  { engine: 'wasm', slowMs: 3 },
];

/** The product's import and coordinator over an engine fleet: counts which honest devices are blamed. */
export class BlameLab {
  readonly events: CoordinatorEvent[] = [];
  readonly fleet: EngineFleet;
  readonly coordinator: Coordinator;
  readonly #directory: string;
  readonly #blobs: BlobStore;
  readonly #engines: readonly Engine[];
  #deployed = 0;

  private constructor(directory: string, blobs: BlobStore, engines: EngineFleet['engines']) {
    this.#directory = directory;
    this.#blobs = blobs;
    this.#engines = Object.values(engines);
    this.fleet = new EngineFleet(engines, blobs.directory);
    this.coordinator = new Coordinator({
      clock: systemClock,
      transport: this.fleet,
      compute: this.fleet,
      installer: this.fleet,
      emit: (event) => this.events.push(event),
    });
    this.fleet.listen(this.coordinator);
  }

  static async open(devices: readonly DeviceKind[] = MIXED): Promise<BlameLab> {
    const directory = mkdtempSync(join(tmpdir(), 'blame-'));
    mkdirSync(join(directory, 'scratch'));
    const blobs = new BlobStore(join(directory, 'blobs'));
    await blobs.open();
    const lab = new BlameLab(directory, blobs, {
      native: await createDirectEngine({ backend: 'native' }),
      wasm: await createDirectEngine({ backend: 'wasm' }),
      dataPlane: await createDirectEngine({ backend: 'native' }),
    });
    for (const [index, kind] of devices.entries()) lab.fleet.add(`d${index}`, kind);
    return lab;
  }

  /** Writes a model to a file. @returns its path */
  write(bytes: Uint8Array): string {
    const path = join(this.#directory, 'model.onnx');
    writeFileSync(path, bytes);
    return path;
  }

  import(path: string): Promise<ImportedModel> {
    const job = { kind: 'import-model', path, name: 'model', dimensions: {}, maxDimensions: {}, shapes: {} };
    return runJob(job as typeof job & { kind: 'import-model' }, this.#tools, () => {});
  }

  async build(model: ImportedModel, options: Omit<PlanOptions, 'devices'>): Promise<Built> {
    const devices = this.deviceIds.map((id) => ({ id }));
    const choice = { ...options, devices };
    const job = { kind: 'plan', profileSha256: model.profile.sha256, choice } as const;
    const { plan } = await runJob(job, this.#tools, () => {});
    const artifacts = await runJob(
      { kind: 'build', plan, canonical: model.canonical },
      this.#tools,
      () => {},
    );
    return { plan, artifacts };
  }

  /** Deploys a plan under a new name, and waits until it is ready. */
  async deploy({ plan, artifacts }: Built, policy: Partial<Policy> = {}): Promise<string> {
    const name = `m${this.#deployed++}`;
    const seats = plan.seats.map((_, seat) => this.deviceIds[seat]!);
    this.coordinator.deploy({ name, plan, artifacts, policy: { ...DEFAULT_POLICY, ...policy }, seats });
    await this.until(() => this.#deployment(name).state === 'ready');
    return name;
  }

  infer(name: string, feeds: Readonly<Record<string, Tensor>>): Promise<Inference> {
    return this.coordinator.infer(name, feeds);
  }

  undeploy(name: string): Promise<void> {
    return this.coordinator.undeploy(name);
  }

  /** Kills a device for the duration of `work`. Its seats are served again when this returns. */
  async without<T>(id: string, work: () => Promise<T>): Promise<T> {
    this.fleet.kill(id);
    try {
      return await work();
    } finally {
      this.fleet.revive(id);
      await this.until(() => this.coordinator.snapshot().deployments.every(({ state }) => state === 'ready'));
    }
  }

  get deviceIds(): string[] {
    return this.coordinator.snapshot().devices.map(({ id }) => id);
  }

  /** Quarantines and counted invalid answers of all devices. Zero if no device was blamed. */
  get blame(): { readonly quarantines: number; readonly invalid: number } {
    const { devices } = this.coordinator.snapshot();
    const sum = (key: 'quarantines' | 'invalid') =>
      devices.reduce((total, { statistics }) => total + statistics[key], 0);
    return { quarantines: sum('quarantines'), invalid: sum('invalid') };
  }

  release(): void {
    for (const { id, state } of this.coordinator.snapshot().devices) {
      if (state === 'quarantined') this.coordinator.release(id);
    }
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
  }

  async close(): Promise<void> {
    await this.coordinator.drain();
    for (const engine of this.#engines) await engine.close();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  get #tools() {
    return { blobs: this.#blobs, scratch: join(this.#directory, 'scratch') };
  }

  #deployment(name: string) {
    return this.coordinator.snapshot().deployments.find((each) => each.name === name)!;
  }
}
