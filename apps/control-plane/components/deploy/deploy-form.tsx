'use client';
import type { ModelView } from '@sparewheel/protocol';
import { type FormEvent, useState } from 'react';
import { FIRST_THRESHOLD_MS, type WaitKind, waitKind, waitOf } from '../control/policy.ts';
import { useLive } from '../live-connection/live-queries.ts';
import { OutlookPanel } from '../plan/outlook-panel.tsx';
import { drawPlan } from '../plan/plan-drawing.ts';
import { planRequest } from '../plan/plan-form.ts';
import { planOutlook } from '../plan/plan-outlook.ts';
import { usePlan } from '../plan/use-plan.ts';
import { ErrorNotice } from '../shell/errors.tsx';
import { Button } from '../ui/button.tsx';
import { Field, Input, Select } from '../ui/field.tsx';
import { AdvancedFields } from './advanced-fields.tsx';
import { adviseDeploy, type DeployForm as Form, firstForm } from './deploy-form-view.ts';
import { useDeploy } from './use-deploy.ts';

/** Chooses how a model is deployed. Shows in advance what will run where. */
export function DeployForm({
  model,
  onDeployed,
  onBack,
}: {
  model: ModelView;
  onDeployed: (name: string) => void;
  onBack: () => void;
}) {
  const devices = useLive('devices');
  const taken = useLive('deployments', (deployments) => deployments.map(({ name }) => name));
  const [form, setForm] = useState<Form>(() => firstForm(model, devices, taken));
  const { deploy, error, pending } = useDeploy(onDeployed);
  const advice = adviseDeploy(form, model, devices, taken);
  const set = (change: Partial<Form>) => setForm((old) => ({ ...old, ...change }));

  const choice = { ...form, strategy: form.r === 0 ? 'uncoded' : 'coded' } as const;
  const fleet = devices.map(({ id, state }) => `${id} ${state}`).join();
  const { plan, error: planError, pending: planning } = usePlan(model.name, choice, fleet);
  const drawing = plan === null ? null : drawPlan(plan);
  const nameOf = (id: string) => devices.find((device) => device.id === id)?.name ?? id;

  function submit(event: FormEvent) {
    event.preventDefault();
    deploy({ name: form.name, ...planRequest(choice, model.name) });
  }

  return (
    <form onSubmit={submit} className="flex flex-col gap-3">
      <div className="grid grid-cols-2 gap-3 @xl:grid-cols-[minmax(0,1.6fr)_5rem_5rem_minmax(0,1.3fr)_minmax(0,1.2fr)]">
        <Field label="Deployment name" className="col-span-2 @xl:col-span-1">
          {(ids) => (
            <Input
              {...ids}
              required
              // The pressed button is gone. Without this, the focus would return to the top of the page.
              autoFocus
              value={form.name}
              onChange={(event) => set({ name: event.target.value })}
            />
          )}
        </Field>
        <Field label="k (data)">
          {(ids) => (
            <Input
              {...ids}
              type="number"
              required
              min={1}
              max={64}
              value={shown(form.k)}
              onChange={(event) => set({ k: event.target.valueAsNumber })}
            />
          )}
        </Field>
        <Field label="r (parity)">
          {(ids) => (
            <Input
              {...ids}
              type="number"
              required
              min={0}
              max={16}
              value={shown(form.r)}
              onChange={(event) => set({ r: event.target.valueAsNumber })}
            />
          )}
        </Field>
        <Field label="Layers">
          {(ids) => (
            <Select
              {...ids}
              value={form.layers}
              onChange={(event) => set({ layers: event.target.value as Form['layers'] })}
            >
              <option value="auto">auto: where it pays off</option>
              <option value="all">all codable</option>
            </Select>
          )}
        </Field>
        <Field label="Waiting rule">
          {(ids) => (
            <Select
              {...ids}
              value={waitKind(form.waitMs)}
              onChange={(event) =>
                set({ waitMs: waitOf(event.target.value as WaitKind, FIRST_THRESHOLD_MS) })
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
      <AdvancedFields choices={form} hasParity={form.r > 0} onChange={set} />
      <p className={advice.problem ? 'text-xs text-danger-ink' : 'text-xs text-ink-soft'} role="status">
        {advice.problem
          ? advice.problem.message
          : `${advice.available} devices are ready. ${planning ? 'Planning…' : 'This will be deployed:'}`}
      </p>
      {advice.problem === null && error === null && <ErrorNotice error={planError} />}
      {drawing !== null && (
        <OutlookPanel
          outlook={planOutlook(drawing, nameOf)}
          measured={drawing.measured}
          stale={planning || planError !== null || advice.problem !== null}
        />
      )}
      {drawing !== null && drawing.runsWhole !== null && form.layers === 'auto' && (
        <p className="text-xs text-ink-soft">
          To distribute the model anyway, choose “all codable” under Layers.
        </p>
      )}
      <ErrorNotice error={error} />
      <div className="flex gap-2">
        <Button
          type="submit"
          variant="primary"
          // Enter works while the preview is fetched, and when it fails: the server checks the request again.
          disabled={pending || advice.problem !== null}
        >
          {pending ? 'Deploying…' : 'Deploy'}
        </Button>
        <Button variant="quiet" onClick={onBack}>
          Another model
        </Button>
      </div>
    </form>
  );
}

/** Shows an empty field for NaN. */
function shown(value: number): number | '' {
  return Number.isNaN(value) ? '' : value;
}
