import { join } from 'node:path';
import { LockedError, lockFile } from '@sparewheel/runtime/lock-file';
import { StartupError } from './startup-error.ts';

/**
 * Locks the home directory for this process. Two control planes in one home would share database, tokens and devices.
 * @returns releases the lock
 * @throws {StartupError} another process uses the home, or it is not writable
 */
export async function lockHome(home: string): Promise<() => Promise<void>> {
  try {
    return await lockFile(join(home, 'control-plane.lock'));
  } catch (error) {
    if (error instanceof LockedError) {
      throw new StartupError(
        `Another Sparewheel (process ${error.processId}) is using ${home}.`,
        'Stop it first, or set SPAREWHEEL_HOME to another folder (and PORT and DATA_PORT to other ports).',
      );
    }
    throw new StartupError(
      `The folder ${home} cannot be used: ${(error as Error).message}.`,
      'Set SPAREWHEEL_HOME to another folder.',
    );
  }
}
