'use client';
import { Field, Input } from '../ui/field.tsx';
import { Segmented } from '../ui/segmented.tsx';
import type { LoadForm } from './load-form.ts';

const MODES = [
  { value: 'closed', label: 'Closed loop' },
  { value: 'open', label: 'Open loop' },
] as const;

/** The kind of load, its amount, and its optional end. */
export function LoadFields({
  form,
  disabled,
  onChange,
}: {
  form: LoadForm;
  disabled: boolean;
  onChange: (form: LoadForm) => void;
}) {
  const set = (change: Partial<LoadForm>) => onChange({ ...form, ...change });
  return (
    <>
      <Segmented
        label="Kind of load"
        value={form.mode}
        options={MODES}
        onChange={(mode) => set({ mode })}
        disabled={disabled}
      />
      <p className="text-xs text-ink-soft">
        {form.mode === 'closed'
          ? 'Clients that each send the next request after the answer.'
          : 'Requests with Poisson arrivals, independent of the answers.'}
      </p>
      <div className="grid grid-cols-2 gap-2 @sm:grid-cols-[minmax(0,1.2fr)_minmax(0,1fr)_minmax(0,1fr)]">
        {form.mode === 'closed' ? (
          <NumberField
            label="Requests in flight"
            value={form.concurrency}
            max={64}
            required
            disabled={disabled}
            className="col-span-2 @sm:col-span-1"
            onChange={(concurrency) => set({ concurrency })}
          />
        ) : (
          <NumberField
            label="Requests per second"
            value={form.ratePerSecond}
            max={10_000}
            required
            disabled={disabled}
            className="col-span-2 @sm:col-span-1"
            onChange={(ratePerSecond) => set({ ratePerSecond })}
          />
        )}
        <NumberField
          label="Duration (s)"
          value={form.seconds}
          max={86_400}
          disabled={disabled}
          onChange={(seconds) => set({ seconds })}
        />
        <NumberField
          label="Request limit"
          value={form.requests}
          max={10_000_000}
          disabled={disabled}
          onChange={(requests) => set({ requests })}
        />
      </div>
    </>
  );
}

function NumberField({
  label,
  value,
  max,
  required = false,
  disabled,
  className,
  onChange,
}: {
  label: string;
  value: number;
  max: number;
  required?: boolean;
  disabled: boolean;
  className?: string;
  onChange: (value: number) => void;
}) {
  return (
    <Field label={label} {...(className === undefined ? {} : { className })}>
      {(ids) => (
        <Input
          {...ids}
          type="number"
          min={1}
          max={max}
          required={required}
          placeholder={required ? '' : 'no limit'}
          disabled={disabled}
          value={Number.isNaN(value) ? '' : value}
          onChange={(event) => onChange(event.target.valueAsNumber)}
        />
      )}
    </Field>
  );
}
