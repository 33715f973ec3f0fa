import type { DeploymentView, DeviceView, ModelView } from '@sparewheel/protocol';

/** What a person has chosen so far; it survives a lost connection. */
export interface DeployForm {
  readonly name: string;
  readonly k: number;
  readonly r: number;
  readonly layers: 'auto' | 'all';
  readonly waitMs: DeploymentView['policy']['waitMs'];
}

export interface DeployAdvice {
  /** Devices that could take a seat now. */
  readonly available: number;
  /** What stands in the way, with what to do about it; null where it can be deployed. */
  readonly problem: { readonly field: 'name' | 'k' | 'layers'; readonly message: string } | null;
  /** What the choice buys and costs: "Survives any 1 of 5 devices for 25 % more hardware". */
  readonly summary: string;
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

/** "My Net (final).onnx" → "My-Net-final": a name that the API takes. */
export function nameFromFile(fileName: string): string {
  const name = fileName
    .replace(/\.onnx$/i, '')
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+|-+$/g, '')
    .slice(0, 100);
  return name === '' ? 'model' : name;
}

/** The name, or the name with the first free number after it. */
export function freeName(name: string, taken: readonly string[]): string {
  if (!taken.includes(name)) return name;
  let number = 2;
  while (taken.includes(`${name}-${number}`)) number += 1;
  return `${name}-${number}`;
}

export function readyDevices(devices: readonly DeviceView[]): number {
  return devices.filter((device) => device.state === 'ready').length;
}

/** Up to four data devices and one parity, as many as there are. */
export function firstForm(
  model: ModelView,
  devices: readonly DeviceView[],
  taken: readonly string[],
): DeployForm {
  const k = Math.max(1, Math.min(4, readyDevices(devices) - 1));
  return { name: freeName(model.name, taken), k, r: 1, layers: 'auto', waitMs: 'any-k' };
}

export function adviseDeploy(
  form: DeployForm,
  model: ModelView,
  devices: readonly DeviceView[],
  taken: readonly string[],
): DeployAdvice {
  const available = readyDevices(devices);
  return { available, problem: problemOf(form, model, available, taken), summary: summaryOf(form) };
}

function problemOf(
  { name, k, r }: DeployForm,
  model: ModelView,
  available: number,
  taken: readonly string[],
): DeployAdvice['problem'] {
  if (!NAME.test(name)) {
    return {
      field: 'name',
      message: 'A name starts with a letter or digit and has letters, digits, dots, dashes and underscores.',
    };
  }
  if (taken.includes(name)) return { field: 'name', message: `“${name}” is taken. Choose another name.` };
  if (!model.layers.some((layer) => layer.codable)) {
    return { field: 'layers', message: 'No layer of this model can be divided; see the reasons above.' };
  }
  if (k + r > available) {
    return {
      field: 'k',
      message: `k + r = ${k + r} needs ${k + r} ready devices, ${available} are. Join or revive some, or lower k.`,
    };
  }
  return null;
}

function summaryOf({ k, r }: DeployForm): string {
  if (r === 0) return `Survives no failure: every one of the ${k} devices is needed.`;
  return `Survives any ${r} of ${k + r} devices for ${Math.round((r / k) * 100)} % more hardware.`;
}
