/** Network presets: emulated networks and processors for the devices of a deployment. Safe for browsers. */
import { z } from 'zod';

/** In the order in which the dashboard offers them. `off` restores what was before. */
export const NETWORK_PRESETS = ['off', 'ethernet', 'paper-wifi', 'straggler', 'pi3'] as const;
export type NetworkPreset = (typeof NETWORK_PRESETS)[number];

/** The body of `PUT /api/deployments/{name}/network`. */
export const networkRequestSchema = z.strictObject({ preset: z.enum(NETWORK_PRESETS) });

/** The delay of the preset `straggler`, in ms. */
export const STRAGGLER_MS = 100;

/**
 * Multiply-adds per second of a Raspberry Pi 3: four Cortex-A53 cores at 1.2 GHz. Assumed, not measured: about half of
 * the peak of its vector units.
 */
export const PI3_MULTIPLY_ADDS_PER_SECOND = 4e9;

export interface NetworkPresetText {
  /** One to three words: "Paper’s WiFi". */
  readonly label: string;
  /** What happens to the answers of the devices, and what is assumed. */
  readonly description: string;
}

export const NETWORK_PRESET_TEXTS: Readonly<Record<NetworkPreset, NetworkPresetText>> = {
  off: { label: 'Off', description: 'The real network, and the faults that you inject.' },
  ethernet: { label: 'Ethernet', description: 'No delay is added to any answer.' },
  'paper-wifi': {
    label: 'Paper’s WiFi',
    description:
      'Delays each answer by a time drawn from the paper’s Fig. 1 (four Raspberry Pis over WiFi), without its 50 ms of computation.',
  },
  straggler: {
    label: 'One straggler',
    description: `One data device answers ${STRAGGLER_MS} ms later than it could.`,
  },
  pi3: {
    label: 'Pi 3 compute',
    description:
      'Slows each device down from its measured speed to that of a Raspberry Pi 3. Assumes 4 · 10⁹ multiply-adds per second for a Pi 3, not measured.',
  },
};

/**
 * - `applied`: the device emulates the preset.
 * - `changed`: it did, and then an operator changed or ended its faults.
 * - `pending`: the command is on its way to the device.
 * - `unreachable`: the device cannot be changed now, see `reason`. The command is repeated when it can be.
 * - `impossible`: the preset does not exist for this device, see `reason`.
 */
export type NetworkDeviceState = 'applied' | 'changed' | 'pending' | 'unreachable' | 'impossible';

export interface NetworkDeviceView {
  readonly device: string;
  readonly name: string;
  readonly state: NetworkDeviceState;
  readonly reason: string | null;
}

/** The preset of a deployment, and the devices that it concerns. */
export interface NetworkView {
  /** `off` while a device still emulates a preset that was ended. */
  readonly preset: NetworkPreset;
  readonly devices: readonly NetworkDeviceView[];
}
