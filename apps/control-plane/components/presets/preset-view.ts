import { type DeploymentView, NETWORK_PRESET_TEXTS, type NetworkDeviceView } from '@sparewheel/protocol';

/** Names the emulated network of a deployment: "Paper’s WiFi, emulated"; null without one. */
export function emulatedNetwork({ network }: Pick<DeploymentView, 'network'>): string | null {
  if (network == null) return null;
  const { preset } = network;
  return preset === 'off' ? 'Emulated network is ending' : `${NETWORK_PRESET_TEXTS[preset].label}, emulated`;
}

/** Says on how many devices the preset is in effect: "On 5 devices."; null without a preset. */
export function presetReach({ network }: Pick<DeploymentView, 'network'>): string | null {
  if (network == null || network.preset === 'off') return null;
  const { devices } = network;
  const emulating = devices.filter(({ state }) => state === 'applied' || state === 'changed').length;
  if (devices.length === 0) return 'No device of this deployment is connected yet.';
  const all = emulating === devices.length;
  return `Emulated on ${emulating}${all ? '' : ` of ${devices.length}`} ${devices.length === 1 ? 'device' : 'devices'}.`;
}

/** The devices that do not emulate the preset as it is, each with one sentence. */
export function presetExceptions({
  network,
}: Pick<DeploymentView, 'network'>): readonly { readonly device: string; readonly text: string }[] {
  if (network == null) return [];
  const ending = network.preset === 'off';
  return network.devices.flatMap((view) => {
    const text = exception(view, ending);
    return text === null ? [] : [{ device: view.device, text }];
  });
}

function exception({ name, state, reason }: NetworkDeviceView, ending: boolean): string | null {
  switch (state) {
    case 'applied':
      return null;
    case 'pending':
      return null;
    case 'changed':
      return `${name}: its faults were changed by hand. They stay.`;
    case 'unreachable':
      return `${name} cannot be ${ending ? 'restored' : 'changed'} now: ${reason ?? 'it does not answer'}.`;
    case 'impossible':
      return `${name} is not changed: ${reason ?? 'the preset does not fit it'}.`;
  }
}
