import { Field, Input, Select } from '../ui/field.tsx';
import {
  type AdvancedChoices,
  CHECKS,
  canRescue,
  changeObjective,
  detectProblem,
  helpAdvanced,
  MAX_DETECT_MS,
  OBJECTIVES,
  RESCUES,
  summarizeAdvanced,
} from './advanced-choices.ts';

/** Chooses the objective, the rescue, the check and the detection. Closed, it shows the choices in one line. */
export function AdvancedFields({
  choices,
  hasParity,
  onChange,
}: {
  choices: AdvancedChoices;
  /** Without parity, answers are not checked. */
  hasParity: boolean;
  onChange: (change: Partial<AdvancedChoices>) => void;
}) {
  const help = helpAdvanced(choices, hasParity);
  return (
    <details className="group rounded-lg border px-3">
      <summary className="-mx-3 rounded-lg px-3 py-2 text-xs">
        <span className="font-medium">Advanced</span>{' '}
        <span className="text-ink-soft">{summarizeAdvanced(choices, hasParity)}</span>
      </summary>
      <div className="grid items-start gap-x-4 gap-y-3 pt-1 pb-3 @md:grid-cols-2 @4xl:grid-cols-4">
        <Field label="Objective" help={help.objective}>
          {(ids) => (
            <Select
              {...ids}
              value={choices.objective}
              onChange={(event) =>
                onChange(changeObjective(choices, event.target.value as AdvancedChoices['objective']))
              }
            >
              <Options of={OBJECTIVES} />
            </Select>
          )}
        </Field>
        <Field label="Rescue" help={help.rescue}>
          {(ids) => (
            <Select
              {...ids}
              value={choices.rescue}
              onChange={(event) => onChange({ rescue: event.target.value as AdvancedChoices['rescue'] })}
            >
              <Options of={RESCUES.filter(({ value }) => canRescue(choices.objective, value))} />
            </Select>
          )}
        </Field>
        <Field label="Check answers with parity" help={help.verify}>
          {(ids) => (
            <Select
              {...ids}
              value={choices.verify}
              disabled={!hasParity}
              onChange={(event) => onChange({ verify: event.target.value as AdvancedChoices['verify'] })}
            >
              <Options of={CHECKS} />
            </Select>
          )}
        </Field>
        <Field label="Detection in ms" help={help.detectMs} error={detectProblem(choices)}>
          {(ids) => (
            <Input
              {...ids}
              type="number"
              min={0}
              max={MAX_DETECT_MS}
              placeholder="at once"
              value={choices.detectMs ?? ''}
              onChange={({ target }) =>
                onChange({ detectMs: target.value === '' ? null : target.valueAsNumber })
              }
            />
          )}
        </Field>
      </div>
    </details>
  );
}

function Options({ of }: { of: readonly { readonly value: string; readonly label: string }[] }) {
  return of.map(({ value, label }) => (
    <option key={value} value={value}>
      {label}
    </option>
  ));
}
