import type { FaultChoice } from './fault-view.ts';

export type FaultKind = 'delay' | 'slow' | 'drop' | 'corrupt' | 'partition' | 'pause';

/** The chosen fault and its parameters. Percentages are 0 to 100; NaN is an empty field. */
export interface FaultForm {
  readonly kind: FaultKind;
  readonly delayMs: number;
  readonly sigma: number;
  readonly factor: number;
  readonly dropPercent: number;
  readonly amount: number;
  readonly corruptPercent: number;
}

export const FIRST_FAULT: FaultForm = {
  kind: 'delay',
  delayMs: 50,
  sigma: 0,
  factor: 10,
  dropPercent: 30,
  amount: 1,
  corruptPercent: 100,
};

export interface FaultField {
  readonly field: Exclude<keyof FaultForm, 'kind'>;
  readonly label: string;
  readonly min?: number;
  readonly max?: number;
  readonly step: number | 'any';
}

/** The parameters of each fault, with the limits of the API. */
export const FAULT_KINDS: readonly {
  readonly value: FaultKind;
  readonly label: string;
  readonly fields: readonly FaultField[];
}[] = [
  {
    value: 'delay',
    label: 'Delay',
    fields: [
      { field: 'delayMs', label: 'Median (ms)', min: 0, max: 60_000, step: 'any' },
      { field: 'sigma', label: 'Sigma (0 = constant)', min: 0, max: 3, step: 'any' },
    ],
  },
  {
    value: 'slow',
    label: 'Slow',
    fields: [{ field: 'factor', label: 'Slowdown factor', min: 1, max: 1_000, step: 'any' }],
  },
  {
    value: 'drop',
    label: 'Drop',
    fields: [{ field: 'dropPercent', label: 'Answers dropped (%)', min: 0, max: 100, step: 'any' }],
  },
  {
    value: 'corrupt',
    label: 'Corrupt',
    fields: [
      { field: 'amount', label: 'Added to one value', step: 'any' },
      { field: 'corruptPercent', label: 'Of answers (%)', min: 0, max: 100, step: 'any' },
    ],
  },
  { value: 'partition', label: 'Partition', fields: [] },
  { value: 'pause', label: 'Pause', fields: [] },
];

export function fieldsOf(kind: FaultKind): readonly FaultField[] {
  return FAULT_KINDS.find(({ value }) => value === kind)?.fields ?? [];
}

/** Returns the name of a fault without its parameters. */
export function labelOf(kind: FaultKind): string {
  return FAULT_KINDS.find(({ value }) => value === kind)?.label ?? kind;
}

/** Says what is wrong with the input; null for a valid fault. */
export function faultProblem(form: FaultForm): string | null {
  for (const { field, label, min = -Infinity, max = Infinity } of fieldsOf(form.kind)) {
    const value = form[field];
    if (!Number.isFinite(value)) return `${label}: enter a number.`;
    if (value < min || value > max) return `${label}: enter a number from ${min} to ${max}.`;
  }
  if (form.kind === 'corrupt' && form.amount === 0) {
    return 'Added to one value: enter a number other than 0, which changes nothing.';
  }
  return null;
}

/** Returns the request of the fault, its effect in words, and the request that undoes it. */
export function faultChoice(form: FaultForm): FaultChoice {
  const undo = { kind: 'heal' } as const;
  switch (form.kind) {
    case 'delay': {
      const { delayMs: ms, sigma } = form;
      const effect =
        sigma === 0
          ? `waits ${ms} ms before each answer`
          : `waits before each answer: median ${ms} ms, log-normal with sigma ${sigma}`;
      return { id: 'delay', label: `Delay ${ms} ms`, effect, request: { kind: 'delay', ms, sigma }, undo };
    }
    case 'slow': {
      const { factor } = form;
      return {
        id: 'slow',
        label: `Slow × ${factor}`,
        effect: `computes ${factor} times as long`,
        request: { kind: 'slow', factor },
        undo,
      };
    }
    case 'drop': {
      const { dropPercent } = form;
      return {
        id: 'drop',
        label: `Drop ${dropPercent} %`,
        effect: `drops ${dropPercent} % of its answers`,
        request: { kind: 'drop', probability: dropPercent / 100 },
        undo,
      };
    }
    case 'corrupt': {
      const { amount, corruptPercent } = form;
      return {
        id: 'corrupt',
        label: 'Corrupt',
        effect: `adds ${amount} to one value of ${corruptPercent} % of its answers`,
        request: { kind: 'corrupt', amount, probability: corruptPercent / 100 },
        undo,
      };
    }
    case 'partition':
      return {
        id: 'partition',
        label: 'Partition',
        effect: 'stays connected, but its messages are lost',
        request: { kind: 'partition' },
        undo,
      };
    case 'pause':
      return {
        id: 'pause',
        label: 'Pause',
        effect: 'stops its process (SIGSTOP) and keeps its memory',
        request: { kind: 'pause' },
        undo: { kind: 'resume' },
      };
  }
}
