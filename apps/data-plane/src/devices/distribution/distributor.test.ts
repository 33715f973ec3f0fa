import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SeatTask } from '@sparewheel/coordinator';
import type { BlobRef } from '@sparewheel/planner';
import { LIMITS, type Outcome } from '@sparewheel/protocol';
import { sha256Hex } from '@sparewheel/runtime/access';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { InstallRefusedError } from './blob-sender.ts';
import { type DeviceControl, Distributor } from './distributor.ts';

const OK: Outcome = { ok: true };

/** Records the requests to devices. */
class ControlDouble implements DeviceControl {
  readonly log: string[] = [];
  /** Received bytes, by device and digest. */
  readonly received = new Map<string, number>();
  readonly retained: (readonly string[])[] = [];
  inFlight = 0;
  mostInFlight = 0;
  #acknowledgeNext: (() => void) | null = null;
  answer: (what: string) => Outcome | Promise<Outcome> = () => OK;

  async blob(device: string, chunk: { sha256: string; bytes: number; offset: number; data: Uint8Array }) {
    this.log.push(`${device} blob ${chunk.sha256.slice(0, 6)} ${chunk.offset}`);
    this.inFlight++;
    this.mostInFlight = Math.max(this.mostInFlight, this.inFlight);
    const before = this.received.get(`${device} ${chunk.sha256}`) ?? 0;
    // Offset 0 restarts a transfer after an aborted attempt.
    if (chunk.offset > 0) expect(chunk.offset).toBe(before);
    this.received.set(`${device} ${chunk.sha256}`, chunk.offset + chunk.data.byteLength);
    this.#acknowledgeNext?.();
    this.#acknowledgeNext = null;
    // Acknowledges as late as possible: when the next chunk arrives.
    if (chunk.offset + chunk.data.byteLength < chunk.bytes) {
      await new Promise<void>((resolve) => {
        this.#acknowledgeNext = resolve;
      });
    }
    this.inFlight--;
    return this.answer('blob');
  }
  async load(device: string, { task }: { task: number }) {
    this.log.push(`${device} load ${task}`);
    return this.answer('load');
  }
  async unload(device: string, task: number) {
    this.log.push(`${device} unload ${task}`);
    return this.answer('unload');
  }
  async retain(device: string, blobs: readonly string[]) {
    this.log.push(`${device} retain`);
    this.retained.push(blobs);
    return this.answer('retain');
  }
}

let directory: string;
let control: ControlDouble;
let distributor: Distributor;
/** Blobs whose files the distributor asked to verify. */
let suspected: string[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sparewheel-blobs-'));
  control = new ControlDouble();
  suspected = [];
  distributor = new Distributor(
    directory,
    { require: async (blobs) => void suspected.push(...blobs.map(({ sha256 }) => sha256)) },
    control,
  );
  distributor.deviceHolds('pi', []);
});
afterEach(() => rm(directory, { recursive: true, force: true }));

async function blob(size: number, fill: number): Promise<BlobRef> {
  const sha256 = sha256Hex(`${size} ${fill}`);
  await writeFile(join(directory, sha256), Buffer.alloc(size, fill));
  return { sha256, bytes: size };
}

async function seatTask(task: number, weightsBytes = 100): Promise<SeatTask> {
  const artifact = { graph: await blob(10, task), weights: await blob(weightsBytes, task) };
  return { task, artifact, feeds: ['x'], fetches: ['y'] };
}

function install(tasks: readonly SeatTask[], controller = new AbortController(), device = 'pi') {
  const progress: { sentBytes: number; totalBytes: number }[] = [];
  const done = distributor.install(device, tasks, {
    signal: controller.signal,
    onProgress: (step) => progress.push(step),
  });
  return { done, progress };
}

async function lastProgress({ done, progress }: ReturnType<typeof install>) {
  await done;
  return progress.at(-1)!;
}

describe('a transfer', () => {
  it('sends missing blobs in chunks, several in flight, then loads the tasks', async () => {
    const size = 3 * LIMITS.blobChunkBytes + 7;
    const task = await seatTask(1, size);
    const { done, progress } = install([task]);
    await done;
    expect(control.received.get(`pi ${task.artifact.weights!.sha256}`)).toBe(size);
    expect(control.mostInFlight).toBe(LIMITS.blobChunksInFlight);
    expect(control.log.at(-1)).toBe('pi load 1');
    expect(progress[0]).toEqual({ sentBytes: 0, totalBytes: size + 10 });
    expect(progress.at(-1)).toEqual({ sentBytes: size + 10, totalBytes: size + 10 });
    expect(progress.map(({ sentBytes }) => sentBytes)).toEqual(
      progress.map(({ sentBytes }) => sentBytes).sort((a, b) => a - b),
    );
  });

  it.each([
    ['receives another content', { ok: false, code: 'digest-mismatch', message: 'another content' }],
    ['has no space', { ok: false, code: 'disk-full', message: 'no space' }],
  ] as const)(
    'verifies the files here only if their content may be wrong: a device %s',
    async (_, outcome) => {
      control.answer = (what) => (what === 'blob' ? outcome : OK);
      const task = await seatTask(1);
      await expect(install([task]).done).rejects.toThrow(InstallRefusedError);
      const files = [task.artifact.graph.sha256, task.artifact.weights!.sha256];
      expect(suspected).toEqual(outcome.code === 'digest-mismatch' ? files : []);
    },
  );

  it('verifies the files here if one is missing', async () => {
    const task = await seatTask(1);
    await rm(join(directory, task.artifact.weights!.sha256));
    await expect(install([task]).done).rejects.toThrow('ENOENT');
    expect(suspected).toContain(task.artifact.weights!.sha256);
  });

  it('sends no blob that the device holds', async () => {
    const [first, second] = [await seatTask(1), await seatTask(2)];
    distributor.deviceHolds('pi', [first.artifact.graph, first.artifact.weights!]);
    const { done, progress } = install([first]);
    await done;
    expect(progress).toEqual([{ sentBytes: 0, totalBytes: 0 }]);
    await install([second]).done;
    control.log.length = 0;
    await install([first, second]).done;
    expect(control.log).toEqual(['pi load 1', 'pi load 2']);
    expect(distributor.holds('pi', second.artifact.weights!.sha256)).toBe(true);
  });

  it('sends a blob shared by two tasks once, and sends an empty blob', async () => {
    const shared = await blob(50, 9);
    const empty = await blob(0, 0);
    const tasks = [1, 2].map((task) => ({
      task,
      artifact: { graph: empty, weights: shared },
      feeds: ['x'],
      fetches: ['y'],
    }));
    await install(tasks).done;
    expect(control.log.filter((line) => line.includes('blob'))).toHaveLength(2);
  });

  it('runs one transfer per device, and transfers to two devices concurrently', async () => {
    distributor.deviceHolds('phone', []);
    const [one, two] = [await seatTask(1), await seatTask(2)];
    await Promise.all([install([one]).done, install([two]).done, install([one], undefined, 'phone').done]);
    const onPi = control.log.filter((line) => line.startsWith('pi'));
    expect(onPi.indexOf('pi load 1')).toBeLessThan(
      onPi.findIndex((line) => line.includes(two.artifact.graph.sha256.slice(0, 6))),
    );
  });

  it('stops on abort and does not block the next transfer', async () => {
    const controller = new AbortController();
    control.answer = () => new Promise(() => {});
    const { done } = install([await seatTask(1)], controller);
    controller.abort(new Error('the device left'));
    await expect(done).rejects.toThrow('the device left');
    control.answer = () => OK;
    await install([await seatTask(2)]).done;
  });

  it('reports which device rejected what, and why', async () => {
    control.answer = (what) =>
      what === 'blob' ? { ok: false, code: 'disk-full', message: 'no space left' } : OK;
    const error = await install([await seatTask(1)]).done.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(InstallRefusedError);
    expect(error).toMatchObject({ device: 'pi', code: 'disk-full' });
    expect((error as Error).message).toContain('no space left');
  });

  it('sends everything again when a device cannot load a blob that it reported', async () => {
    const task = await seatTask(1);
    distributor.deviceHolds('pi', [task.artifact.graph, task.artifact.weights!]);
    control.answer = (what) => (what === 'load' ? { ok: false, code: 'missing-blob', message: 'gone' } : OK);
    await expect(install([task]).done).rejects.toThrow('gone');
    control.answer = () => OK;
    const { done, progress } = install([task]);
    await done;
    expect(progress.at(-1)!.sentBytes).toBe(110);
  });

  it('fails when a blob file is missing or too short', async () => {
    const task = await seatTask(1);
    await writeFile(join(directory, task.artifact.weights!.sha256), 'short');
    await expect(install([task]).done).rejects.toThrow('shorter than');
    await rm(join(directory, task.artifact.graph.sha256));
    distributor.deviceHolds('pi', []);
    await expect(install([task]).done).rejects.toThrow('ENOENT');
  });
});

describe('a preloaded artifact', () => {
  it('is not sent again by the install, whose progress includes it once', async () => {
    const [first, second] = [await seatTask(1), await seatTask(2)];
    distributor.preload('soon', 'pi', first.artifact);
    const { done, progress } = install([first, second]);
    await done;
    expect(control.log.filter((line) => line.includes('blob'))).toHaveLength(4);
    expect(progress[0]).toEqual({ sentBytes: 110, totalBytes: 220 });
    expect(progress.at(-1)).toEqual({ sentBytes: 220, totalBytes: 220 });
    const again = install([first, second]);
    await again.done;
    expect(again.progress).toEqual([{ sentBytes: 0, totalBytes: 0 }]);
  });

  it('has a progress until the install of the device counts it', async () => {
    const task = await seatTask(1);
    distributor.preload('soon', 'pi', task.artifact);
    expect(distributor.preloads).toEqual([
      { deployment: 'soon', device: 'pi', sentBytes: 0, totalBytes: 110 },
    ]);
    await vi.waitFor(() => expect(distributor.preloads[0]?.sentBytes).toBe(110));
    distributor.deployed('soon', [task.artifact]);
    expect(distributor.preloads).toHaveLength(1);
    await install([task]).done;
    expect(distributor.preloads).toEqual([]);
    distributor.preload('never', 'pi', (await seatTask(2)).artifact);
    distributor.cancelPreload('never');
    expect(distributor.preloads).toEqual([]);
  });

  it('is sent by the install if the device rejected it or returned without it', async () => {
    const task = await seatTask(1);
    control.answer = () => ({ ok: false, code: 'disk-full', message: 'no space left' });
    distributor.preload('soon', 'pi', task.artifact);
    await vi.waitFor(() => expect(control.log.length).toBeGreaterThan(0));
    control.answer = () => OK;
    expect((await lastProgress(install([task]))).sentBytes).toBe(110);

    const other = await seatTask(2);
    distributor.preload('soon', 'pi', other.artifact);
    await vi.waitFor(() => expect(distributor.holds('pi', other.artifact.graph.sha256)).toBe(true));
    distributor.deviceHolds('pi', []);
    expect(await lastProgress(install([other]))).toEqual({ sentBytes: 110, totalBytes: 110 });
  });

  it('is deleted when its deployment is abandoned, except blobs of other deployments', async () => {
    const [mine, shared] = [await seatTask(1), await seatTask(2)];
    distributor.deployed('other', [shared.artifact]);
    for (const { artifact } of [mine, shared]) distributor.preload('never', 'pi', artifact);
    await vi.waitFor(() => expect(distributor.holds('pi', shared.artifact.graph.sha256)).toBe(true));
    distributor.cancelPreload('never');
    await vi.waitFor(() => expect(control.retained).toHaveLength(1));
    const kept = [shared.artifact.graph, shared.artifact.weights!].map(({ sha256 }) => sha256);
    expect([...control.retained[0]!].sort()).toEqual(kept.sort());
  });

  it('is aborted when its deployment is abandoned, and does not block the next transfer', async () => {
    const [large, next] = [await seatTask(1, 20 * LIMITS.blobChunkBytes), await seatTask(2)];
    control.answer = () => new Promise(() => {});
    distributor.preload('never', 'pi', large.artifact);
    await vi.waitFor(() => expect(control.log.length).toBeGreaterThan(0));
    distributor.cancelPreload('never');
    control.answer = () => OK;
    await install([next]).done;
    expect(control.received.get(`pi ${large.artifact.weights!.sha256}`) ?? 0).toBeLessThan(
      20 * LIMITS.blobChunkBytes,
    );
  });

  it('belongs to its deployment once that exists', async () => {
    const task = await seatTask(1);
    distributor.preload('soon', 'pi', task.artifact);
    distributor.deployed('soon', [task.artifact]);
    distributor.cancelPreload('soon');
    await install([task]).done;
    expect(control.retained).toEqual([]);
    expect(control.log.filter((line) => line.includes('blob'))).toHaveLength(2);
  });
});

describe('blobs on devices', () => {
  it('are deleted only if they belong to an undeployed deployment and to no other', async () => {
    const [mine, shared] = [await seatTask(1), await seatTask(2)];
    const foreign = await blob(5, 77);
    distributor.deployed('a', [mine.artifact, shared.artifact]);
    distributor.deployed('b', [shared.artifact]);
    distributor.deviceHolds('pi', [foreign]);
    await install([mine, shared]).done;
    expect(control.retained).toEqual([]);
    distributor.undeployed('a');
    await install([shared]).done;
    expect(control.retained).toHaveLength(1);
    const digests = [foreign, shared.artifact.graph, shared.artifact.weights!].map(({ sha256 }) => sha256);
    expect([...control.retained[0]!].sort()).toEqual(digests.sort());
    expect(distributor.holds('pi', mine.artifact.graph.sha256)).toBe(false);
  });

  it('of a redeployed model are kept', async () => {
    const task = await seatTask(1);
    distributor.deployed('a', [task.artifact]);
    await install([task]).done;
    const before = distributor.deployed('a', [task.artifact]);
    distributor.restore('a', before);
    await install([task]).done;
    expect(control.retained).toEqual([]);
  });

  it('are unloaded in order, also when the device is gone', async () => {
    const task = await seatTask(1);
    control.answer = () => Promise.reject(new Error('gone'));
    distributor.uninstall('pi', [task]);
    control.answer = () => OK;
    await install([task]).done;
    expect(control.log[0]).toBe('pi unload 1');
  });
});
