import type { DeploymentView, DeviceView, ModelView } from '@sparewheel/protocol';
import { type AdvancedChoices, FIRST_ADVANCED } from './advanced-choices.ts';

/** The choices so far. They survive a lost connection. */
export interface DeployForm extends AdvancedChoices {
  readonly name: string;
  readonly k: number;
  readonly r: number;
  readonly layers: 'auto' | 'all';
  readonly waitMs: DeploymentView['policy']['waitMs'];
}

export interface DeployAdvice {
  /** Devices that are ready for a seat. */
  readonly available: number;
  /** Why the choices cannot be deployed, and what to do; null if they can. */
  readonly problem: { readonly field: 'name' | 'k' | 'layers'; readonly message: string } | null;
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

/** What the form accepts. */
export const UPLOAD_FILES = '.onnx,.json,.bin,.data,.zip,.tar';

/** Returns the file that gives a model its name: the model, not one of its weight files. */
export function mainFile<F extends { readonly name: string }>(files: readonly F[]): F | undefined {
  const named = (pattern: RegExp) => files.find(({ name }) => pattern.test(name));
  return named(/\.onnx$/i) ?? named(/^model\.json$/i) ?? named(/\.(json|zip|tar)$/i) ?? files[0];
}

/** Converts a file name to a valid model name: "My Net (final).onnx" → "My-Net-final". */
export function nameFromFile(fileName: string): string {
  const name = fileName
    .replace(/\.(onnx|json|zip|tar)$/i, '')
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+|-+$/g, '')
    .slice(0, 100);
  return name === '' ? 'model' : name;
}

/** Returns the name, with the first free number appended if it is taken. */
export function freeName(name: string, taken: readonly string[]): string {
  if (!taken.includes(name)) return name;
  let number = 2;
  while (taken.includes(`${name}-${number}`)) number += 1;
  return `${name}-${number}`;
}

export function readyDevices(devices: readonly DeviceView[]): number {
  return devices.filter((device) => device.state === 'ready').length;
}

/** Returns the first choices, as for the demo: every codable layer over up to four data devices, and one for parity. */
export function firstForm(
  model: ModelView,
  devices: readonly DeviceView[],
  taken: readonly string[],
): DeployForm {
  const k = Math.max(1, Math.min(4, readyDevices(devices) - 1));
  return { name: freeName(model.name, taken), k, r: 1, layers: 'all', waitMs: 'any-k', ...FIRST_ADVANCED };
}

export function adviseDeploy(
  form: DeployForm,
  model: ModelView,
  devices: readonly DeviceView[],
  taken: readonly string[],
): DeployAdvice {
  const available = readyDevices(devices);
  return { available, problem: problemOf(form, model, available, taken) };
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
      message:
        'Start the name with a letter or digit. It may contain letters, digits, dots, dashes and underscores.',
    };
  }
  if (taken.includes(name)) return { field: 'name', message: `“${name}” is taken. Choose another name.` };
  if (!model.layers.some((layer) => layer.codable)) {
    return { field: 'layers', message: 'No layer of this model can be coded. The table above says why.' };
  }
  if (k + r > available) {
    return {
      field: 'k',
      message: `k + r = ${k + r} devices are needed, but ${available} are ready. Add or revive devices, or lower k.`,
    };
  }
  return null;
}
