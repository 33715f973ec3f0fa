import { FIRST_THRESHOLD_MS, type WaitKind, waitKind, waitOf } from '../control/policy.ts';
import { AdvancedFields } from '../deploy/advanced-fields.tsx';
import { Field, Input, Select } from '../ui/field.tsx';
import { Segmented } from '../ui/segmented.tsx';
import { type PlanForm, STRATEGIES, strategyChoice } from './plan-form.ts';

/** Chooses the strategy, the name, k, r, the waiting rule and the advanced choices. The layer table chooses the layers. */
export function PlanControls({
  form,
  nameProblem,
  onChange,
}: {
  form: PlanForm;
  nameProblem: string | null;
  onChange: (change: Partial<PlanForm>) => void;
}) {
  const strategy = strategyChoice(form.strategy);
  return (
    <div className="flex flex-col gap-3">
      <div>
        <Segmented
          label="Strategy"
          value={form.strategy}
          options={STRATEGIES}
          onChange={(value) => onChange({ strategy: value })}
          className="max-w-full max-sm:flex max-sm:w-full [&>button]:max-sm:px-1"
        />
        <p className="mt-1.5 text-xs text-ink-soft">{strategy.description}</p>
      </div>
      <div className="grid grid-cols-2 items-start gap-3 @2xl:grid-cols-[minmax(0,1.5fr)_5rem_8rem_minmax(0,1.2fr)]">
        <Field label="Deployment name" error={nameProblem} className="col-span-2 @2xl:col-span-1">
          {(ids) => (
            <Input
              {...ids}
              required
              value={form.name}
              onChange={(event) => onChange({ name: event.target.value })}
            />
          )}
        </Field>
        <CountField label={strategy.k} value={form.k} min={1} max={64} onChange={(k) => onChange({ k })} />
        <CountField
          label={strategy.r ?? 'r (none)'}
          value={strategy.r === null ? 0 : form.r}
          min={0}
          max={16}
          disabled={strategy.r === null}
          onChange={(r) => onChange({ r })}
        />
        <Field label="Waiting rule" className="col-span-2 @2xl:col-span-1">
          {(ids) => (
            <Select
              {...ids}
              value={waitKind(form.waitMs)}
              onChange={(event) =>
                onChange({ waitMs: waitOf(event.target.value as WaitKind, FIRST_THRESHOLD_MS) })
              }
            >
              <option value="any-k">any k</option>
              <option value="threshold">threshold, {FIRST_THRESHOLD_MS} ms</option>
              <option value="adaptive">adaptive</option>
              <option value="all">all</option>
            </Select>
          )}
        </Field>
      </div>
      <AdvancedFields
        choices={form}
        hasParity={form.strategy !== 'uncoded' && form.strategy !== 'replicated' && form.r > 0}
        onChange={onChange}
      />
    </div>
  );
}

function CountField({
  label,
  value,
  min,
  max,
  disabled = false,
  onChange,
}: {
  label: string;
  value: number;
  min: number;
  max: number;
  disabled?: boolean;
  onChange: (value: number) => void;
}) {
  return (
    <Field label={label}>
      {(ids) => (
        <Input
          {...ids}
          type="number"
          required
          min={min}
          max={max}
          disabled={disabled}
          // NaN is an empty field.
          value={Number.isNaN(value) ? '' : value}
          onChange={(event) => onChange(event.target.valueAsNumber)}
        />
      )}
    </Field>
  );
}
