import type { DeviceId } from '@sparewheel/coordinator';

/** A device would not take a blob or load a task. */
export class InstallRefusedError extends Error {
  override readonly name = 'InstallRefusedError';
  readonly device: DeviceId;
  readonly code: string;

  constructor(device: DeviceId, what: string, outcome: { code: string; message: string }) {
    super(`device ${device} refused ${what}: ${outcome.message}`);
    this.device = device;
    this.code = outcome.code;
  }
}
