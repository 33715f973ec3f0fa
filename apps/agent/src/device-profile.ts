import { readFile, rename, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { type Engine, measureEngine, SPEED_METHOD } from '@sparewheel/engine';
import { machineId } from '@sparewheel/engine/machine';
import { type DeviceProfile, deviceProfileSchema } from '@sparewheel/protocol';
import { type ProcessorLimit, processorLimit, timeUnderLimit } from '@sparewheel/runtime/processor-limit';

/** How many threads the engine may use. `fixed` is the operator's choice; otherwise the fastest number is measured. */
export interface ThreadChoice {
  readonly fixed?: number;
  /** The device's share of the cores of its machine. */
  readonly atMost: number;
}

export interface MeasuredDevice {
  /** undefined if the measurement failed; the device works without it. */
  readonly profile: DeviceProfile | undefined;
  readonly threads: number;
}

/** More threads must be faster by this factor. They cost memory, and they compete with other programs. */
const WORTHWHILE = 1.15;

/**
 * Returns this device's speed and number of threads: measured the first time, then read from its folder. Measures
 * again if the processor, its limit, the engine, the threads or the method changed.
 * @param folder  an existing directory
 * @param createEngine  creates an engine with a number of threads
 */
export async function deviceProfile(
  folder: string,
  choice: ThreadChoice,
  createEngine: (threads: number) => Promise<Engine>,
  log: (message: string) => void,
  findLimit: () => Promise<ProcessorLimit | null> = processorLimit,
): Promise<MeasuredDevice> {
  const limit = await findLimit();
  const cores = limit === null ? availableParallelism() : Math.ceil(limit.cores);
  const machine = await machineId(limit);
  const path = join(folder, 'profile.json');
  const candidates = candidatesOf(
    limit === null ? choice : { ...choice, atMost: Math.min(choice.atMost, cores) },
  );
  try {
    const first = await createEngine(candidates[0]!);
    const processor = cpus()[0]?.model.trim() ?? process.arch;
    const limited = limit === null ? [] : [`limit ${limit.cores}`];
    const measuredOn = [first.backend, processor, SPEED_METHOD, `threads ${candidates}`, ...limited].join(
      ', ',
    );
    const stored = await readStored(path, measuredOn);
    if (stored !== undefined) {
      await first.close();
      const profile = deviceProfileSchema.parse({ ...stored, cores, machine });
      return { profile, threads: profile.threads ?? 1 };
    }
    let best: DeviceProfile | null = null;
    for (const threads of candidates) {
      const engine = threads === candidates[0] ? first : await createEngine(threads);
      const measured = {
        ...(await measureEngine(engine, (run) => timeUnderLimit(limit, threads, run)).finally(() =>
          engine.close(),
        )),
        cores,
        machine,
        threads,
      };
      if (best === null || speedup(measured, best) >= WORTHWHILE) best = measured;
    }
    await writeFile(`${path}.new`, JSON.stringify({ measuredOn, ...best! }));
    await rename(`${path}.new`, path);
    return { profile: best!, threads: best!.threads! };
  } catch (error) {
    log(`cannot measure the speed of this device: ${error instanceof Error ? error.message : String(error)}`);
    return { profile: undefined, threads: choice.fixed ?? 1 };
  }
}

/** Returns the stored measurement; undefined if there is none of this kind, or the file is damaged. */
async function readStored(path: string, measuredOn: string): Promise<object | undefined> {
  try {
    const stored = JSON.parse(await readFile(path, 'utf8')) as { measuredOn?: unknown };
    return stored.measuredOn === measuredOn ? stored : undefined;
  } catch {
    return undefined;
  }
}

/** The powers of two up to the limit, and the limit. */
function candidatesOf({ fixed, atMost }: ThreadChoice): number[] {
  if (fixed !== undefined) return [fixed];
  const candidates: number[] = [];
  for (let threads = 1; threads < atMost; threads *= 2) candidates.push(threads);
  return [...candidates, atMost];
}

/** Returns the geometric mean of the gains of both speeds. */
function speedup(a: DeviceProfile, b: DeviceProfile): number {
  const compute = a.multiplyAddsPerSecond / b.multiplyAddsPerSecond;
  return Math.sqrt(compute * (a.memoryBytesPerSecond / b.memoryBytesPerSecond));
}
