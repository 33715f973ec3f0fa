import type { DeploymentRequest, RescueRule } from '@sparewheel/protocol';
import { describeVerify } from '../control/policy.ts';
import { formatMs } from '../ui/format.ts';

export type Objective = DeploymentRequest['objective'];
type Verify = DeploymentRequest['policy']['verify'];

/** What a deployment is for, and what happens when devices fail or answer wrong. */
export interface AdvancedChoices {
  readonly objective: Objective;
  readonly rescue: RescueRule;
  readonly verify: Verify;
  /** null: as soon as the coordinator notices the failure. */
  readonly detectMs: number | null;
}

export const MAX_DETECT_MS = 60_000;
const DEADLINE_MS = 10_000;

export const OBJECTIVES: readonly { readonly value: Objective; readonly label: string }[] = [
  { value: 'devices-only', label: 'devices only' },
  { value: 'latency', label: 'lowest latency' },
];
export const RESCUES: readonly { readonly value: RescueRule; readonly label: string }[] = [
  { value: 'off', label: 'off' },
  { value: 'devices', label: 'by devices' },
  { value: 'data-plane', label: 'by the data plane' },
];
export const CHECKS: readonly { readonly value: Verify; readonly label: string }[] = [
  { value: 'before', label: 'before responding' },
  { value: 'after', label: 'after responding' },
  { value: 'off', label: 'never' },
];

const USUAL_RESCUE: Record<Objective, RescueRule> = { latency: 'data-plane', 'devices-only': 'off' };

/** The choices of the demo: the devices run every linear layer, so that the failure of a device has a visible effect. */
export const FIRST_ADVANCED: AdvancedChoices = {
  objective: 'devices-only',
  rescue: USUAL_RESCUE['devices-only'],
  verify: 'after',
  detectMs: null,
};

/** Returns the change to another objective. The usual rescue rule of the old objective becomes that of the new one. */
export function changeObjective(
  { objective, rescue }: AdvancedChoices,
  next: Objective,
): Partial<AdvancedChoices> {
  const usual = rescue === USUAL_RESCUE[objective] || !canRescue(next, rescue);
  return { objective: next, ...(usual ? { rescue: USUAL_RESCUE[next] } : {}) };
}

/** Returns whether the API accepts the rescue rule together with the objective. */
export function canRescue(objective: Objective, rescue: RescueRule): boolean {
  return objective === 'latency' || rescue !== 'data-plane';
}

/** Says why the detection time is invalid; null if it is valid. */
export function detectProblem({ detectMs }: AdvancedChoices): string | null {
  if (detectMs === null || (detectMs >= 0 && detectMs <= MAX_DETECT_MS)) return null;
  return `Enter 0 to ${MAX_DETECT_MS} ms for the detection, or leave it empty.`;
}

/** Returns the policy of a request. The deadline grows with the detection: requests that waited for it can be answered. */
export function advancedPolicy({ rescue, verify, detectMs }: AdvancedChoices) {
  return { rescue, verify, detectMs, deadlineMs: DEADLINE_MS + (detectMs ?? 0) };
}

/** Summarizes the choices in one line: "devices only · rescue off · checked after responding". */
export function summarizeAdvanced(choices: AdvancedChoices, hasParity: boolean): string {
  const { objective, rescue, verify, detectMs } = choices;
  const labelOf = <Value>(options: readonly { value: Value; label: string }[], value: Value) =>
    options.find((option) => option.value === value)?.label ?? '';
  const check = verify === 'off' ? 'never checked' : `checked ${labelOf(CHECKS, verify)}`;
  return [
    labelOf(OBJECTIVES, objective),
    `rescue ${labelOf(RESCUES, rescue)}`,
    ...(hasParity ? [check] : []),
    ...(detectMs === null ? [] : [`detected after ${formatMs(detectMs)}`]),
  ].join(' · ');
}

/** Says in one sentence what each choice means. */
export function helpAdvanced(
  { objective, rescue, verify }: AdvancedChoices,
  hasParity: boolean,
): Record<keyof AdvancedChoices, string> {
  return {
    objective:
      objective === 'latency'
        ? 'The fastest plan that survives r failures; the data plane may run layers.'
        : 'Devices run every linear layer; the data plane only merges their answers.',
    rescue: RESCUE_HELP[rescue],
    verify: hasParity ? describeVerify(verify) : 'This plan has no parity, so answers are not checked.',
    detectMs:
      'A rescue or a takeover starts at least this long after a failure; the deadline of requests grows with it.',
  };
}

const RESCUE_HELP: Record<RescueRule, string> = {
  off: 'With more than r devices out, requests wait for a device or a standby.',
  devices: 'With more than r devices out, a surviving device computes two shards in turn.',
  'data-plane': 'With more than r devices out, the data plane computes the missing shards.',
};
