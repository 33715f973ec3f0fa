import { readFile, rename, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { type Engine, measureEngine, SPEED_METHOD } from '@sparewheel/engine';
import { machineId } from '@sparewheel/engine/machine';
import { type DeviceProfile, deviceProfileSchema } from '@sparewheel/protocol';

/**
 * Returns this device's speed: measured the first time, then read from its folder. Measures again if the
 * processor, the engine or the method changed.
 * @param folder  an existing directory
 * @returns undefined if the measurement fails; the device works without it
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
    // The file is missing or damaged: measure.
  }
  try {
    const profile: DeviceProfile = { ...(await measureEngine(engine)), cores, machine };
    await writeFile(`${path}.new`, JSON.stringify({ measuredOn, ...profile }));
    await rename(`${path}.new`, path);
    return profile;
  } catch (error) {
    log(`cannot measure the speed of this device: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}
