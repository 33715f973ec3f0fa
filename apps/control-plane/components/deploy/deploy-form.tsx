'use client';
import type { DeploymentRequest, ModelView } from '@sparewheel/protocol';
import { type FormEvent, useState } from 'react';
import { FIRST_THRESHOLD_MS, type WaitKind, waitKind, waitOf } from '../control/policy.ts';
import { useRequest } from '../control/use-request.ts';
import { askApi } from '../live-connection/api-client.ts';
import { useLive } from '../live-connection/live-provider.tsx';
import { Button } from '../ui/button.tsx';
import { Field, Input, Select } from '../ui/field.tsx';
import { Notice } from '../ui/notice.tsx';
import { adviseDeploy, type DeployForm as Form, firstForm } from './deploy-form-view.ts';

/** How a model is to be divided: its name, k and r, which layers, which policy. */
export function DeployForm({
  model,
  onDeployed,
  onBack,
}: {
  model: ModelView;
  onDeployed: (name: string) => void;
  onBack: () => void;
}) {
  const devices = useLive((state) => state.devices);
  const taken = useLive((state) => state.deployments).map((deployment) => deployment.name);
  const [form, setForm] = useState<Form>(() => firstForm(model, devices, taken));
  const { busy, problem, run } = useRequest();
  const advice = adviseDeploy(form, model, devices, taken);
  const set = (change: Partial<Form>) => setForm((old) => ({ ...old, ...change }));
  const errorOf = (field: 'name' | 'k' | 'layers') =>
    advice.problem?.field === field ? advice.problem.message : null;

  async function deploy(event: FormEvent) {
    event.preventDefault();
    const { name, k, r, layers, waitMs } = form;
    const body: Partial<DeploymentRequest> = {
      name,
      model: model.name,
      k,
      r,
      strategy: r === 0 ? 'uncoded' : 'coded',
      layers,
      policy: { waitMs, verify: 'after', deadlineMs: 10_000 },
    };
    if (await run(() => askApi('POST', '/api/deployments', body))) onDeployed(name);
  }

  return (
    <form onSubmit={deploy} className="flex flex-col gap-3">
      <div className="grid grid-cols-2 gap-3 @xl:grid-cols-[minmax(0,1.6fr)_5rem_5rem_minmax(0,1.3fr)_minmax(0,1.2fr)]">
        <Field label="Deployment name" className="col-span-2 @xl:col-span-1">
          {(ids) => (
            <Input
              {...ids}
              required
              // The button that led here is gone; without this the keyboard would begin at the top of the page.
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
              <option value="auto">worth a hop (auto)</option>
              <option value="all">all that can be coded</option>
            </Select>
          )}
        </Field>
        <Field label="Policy">
          {(ids) => (
            <Select
              {...ids}
              value={waitKind(form.waitMs)}
              onChange={(event) =>
                set({ waitMs: waitOf(event.target.value as WaitKind, FIRST_THRESHOLD_MS) })
              }
            >
              <option value="any-k">any k</option>
              <option value="threshold">wait {FIRST_THRESHOLD_MS} ms</option>
              <option value="adaptive">adaptive</option>
              <option value="all">all</option>
            </Select>
          )}
        </Field>
      </div>
      <p className={advice.problem ? 'text-xs text-danger-ink' : 'text-xs text-ink-soft'} role="status">
        {advice.problem
          ? (errorOf('name') ?? errorOf('k') ?? errorOf('layers'))
          : `${advice.summary} ${advice.available} devices are ready.`}
      </p>
      {problem && <Notice tone="danger">{problem}</Notice>}
      <div className="flex gap-2">
        <Button type="submit" variant="primary" disabled={busy || advice.problem !== null}>
          {busy ? 'Deploying…' : 'Deploy'}
        </Button>
        <Button variant="quiet" onClick={onBack}>
          Another model
        </Button>
      </div>
    </form>
  );
}

/** An emptied number field stays empty instead of showing NaN. */
function shown(value: number): number | '' {
  return Number.isNaN(value) ? '' : value;
}
