import { readFile, rename, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { type Engine, measureEngine, SPEED_METHOD } from '@sparewheel/engine';
import { machineId } from '@sparewheel/engine/machine';
import { type DeviceProfile, deviceProfileSchema } from '@sparewheel/protocol';

/**
 * How fast this device is: measured the first time, then read from its folder, so that a device that returns does not
 * wait for it. Measured anew where the processor, the engine or the measuring is another.
 * @param folder  an existing directory
 * @returns undefined where it cannot be measured; the device works all the same
 */
export async function deviceProfile(
  folder: string,
  engine: Engine,
  log: (message: string) => void,
): Promise<DeviceProfile | undefined> {
  const cores = availableParallelism();
  const machine = await machineId();
  const path = join(folder, 'profile.json');
  const measuredOn = `${engine.backend}, ${cpus()[0]?.model.trim() ?? process.arch}, ${SPEED_METHOD}`;
  try {
    const stored = JSON.parse(await readFile(path, 'utf8')) as { measuredOn?: unknown };
    if (stored.measuredOn === measuredOn) return deviceProfileSchema.parse({ ...stored, cores, machine });
  } catch {
    // The first time, or damaged: both are mended by measuring.
  }
  try {
    const profile: DeviceProfile = { ...(await measureEngine(engine)), cores, machine };
    await writeFile(`${path}.new`, JSON.stringify({ measuredOn, ...profile }));
    await rename(`${path}.new`, path);
    return profile;
  } catch (error) {
    log(`its speed cannot be measured: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}
