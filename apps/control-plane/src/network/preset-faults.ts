import type { DeviceNetwork } from '@sparewheel/data-plane-client';
import {
  type DeviceView,
  NETWORK_PRESET_TEXTS,
  type NetworkPreset,
  PAPER_WIFI,
  PI3_MULTIPLY_ADDS_PER_SECOND,
  STRAGGLER_MS,
} from '@sparewheel/protocol';

type ActivePreset = Exclude<NetworkPreset, 'off'>;

/** The largest factor that the fault allows. */
const MAX_FACTOR = 1_000;

/**
 * Returns what a device emulates under a preset.
 * @param straggler  the id of the device that the preset `straggler` delays
 * @returns null if the preset leaves the device alone; a text if it is impossible for the device
 */
export function presetFaults(
  preset: ActivePreset,
  device: Pick<DeviceView, 'id' | 'profile'>,
  straggler: string | null,
): DeviceNetwork | null | string {
  const network = (faults: DeviceNetwork['faults']): DeviceNetwork => ({
    preset,
    text: textOf(preset),
    faults,
  });
  switch (preset) {
    case 'ethernet':
      return network([{ kind: 'delay', ms: 0, sigma: 0 }]);
    case 'paper-wifi':
      return network([{ kind: 'delay', ms: 0, sigma: 0, quantiles: [...PAPER_WIFI] }]);
    case 'straggler':
      return device.id === straggler ? network([{ kind: 'delay', ms: STRAGGLER_MS, sigma: 0 }]) : null;
    case 'pi3': {
      const speed = device.profile?.multiplyAddsPerSecond;
      if (speed === undefined) return 'its speed was not measured';
      const factor = Math.min(MAX_FACTOR, Math.max(1, speed / PI3_MULTIPLY_ADDS_PER_SECOND));
      return network([{ kind: 'slow', factor: Number(factor.toPrecision(3)) }]);
    }
  }
}

/** Returns the preset's name inside a sentence: "paper’s WiFi". */
function textOf(preset: ActivePreset): string {
  const { label } = NETWORK_PRESET_TEXTS[preset];
  return preset === 'ethernet' || preset === 'pi3' ? label : label.charAt(0).toLowerCase() + label.slice(1);
}
