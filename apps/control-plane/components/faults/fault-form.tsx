'use client';
import type { DeviceView } from '@sparewheel/protocol';
import { type FormEvent, useState } from 'react';
import { deviceCommands } from '../fleet/use-device-actions.ts';
import { Button } from '../ui/button.tsx';
import { Field, Input, Select } from '../ui/field.tsx';
import {
  FAULT_KINDS,
  type FaultKind,
  FIRST_FAULT,
  type FaultForm as Form,
  faultChoice,
  faultProblem,
  fieldsOf,
  labelOf,
} from './fault-form-view.ts';
import { deviceActions } from './fault-view.ts';

/** Injects a fault with parameters into one device. Describes the effect in advance. */
export function FaultForm({ device }: { device: DeviceView }) {
  const [form, setForm] = useState<Form>(FIRST_FAULT);
  const problem = faultProblem(form);
  const choice = faultChoice(form);
  const gone = !deviceActions(device).fault;

  function submit(event: FormEvent) {
    event.preventDefault();
    if (problem === null) void deviceCommands.inflict(device, choice);
  }

  return (
    <form onSubmit={submit} className="flex flex-col gap-3">
      <div className="grid grid-cols-2 gap-3">
        <Field label="Fault" className="col-span-2">
          {(ids) => (
            <Select
              {...ids}
              value={form.kind}
              onChange={(event) => setForm({ ...form, kind: event.target.value as FaultKind })}
            >
              {FAULT_KINDS.map(({ value, label }) => (
                <option key={value} value={value}>
                  {label}
                </option>
              ))}
            </Select>
          )}
        </Field>
        {fieldsOf(form.kind).map(({ field, label, min, max, step }) => (
          <Field key={field} label={label}>
            {(ids) => (
              <Input
                {...ids}
                type="number"
                required
                min={min}
                max={max}
                step={step}
                value={Number.isNaN(form[field]) ? '' : form[field]}
                onChange={(event) => setForm({ ...form, [field]: event.target.valueAsNumber })}
              />
            )}
          </Field>
        ))}
      </div>
      <p className={problem === null ? 'text-xs text-ink-soft' : 'text-xs text-danger-ink'} role="status">
        {gone
          ? `${device.name} does not run. Revive it first.`
          : (problem ?? `${device.name} ${choice.effect}.`)}
      </p>
      <Button type="submit" variant="danger" className="w-fit" disabled={problem !== null || gone}>
        {problem === null ? choice.label : labelOf(form.kind)}
      </Button>
    </form>
  );
}
