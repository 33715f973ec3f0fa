'use client';
import type { ModelView } from '@sparewheel/protocol';
import Link from 'next/link';
import { type FormEvent, useState } from 'react';
import { useRequest } from '../control/use-request.ts';
import { adviseDeploy, readyDevices } from '../deploy/deploy-form-view.ts';
import { askApi } from '../live-connection/api-client.ts';
import { useLive } from '../live-connection/live-provider.tsx';
import { LayerTable } from '../models/layer-table.tsx';
import { Button } from '../ui/button.tsx';
import { Card } from '../ui/card.tsx';
import { Notice } from '../ui/notice.tsx';
import { DeploymentNote } from './deployment-note.tsx';
import { PlanControls } from './plan-controls.tsx';
import { drawPlan } from './plan-drawing.ts';
import { firstPlanForm, type PlanForm, planRequest, toggleLayer } from './plan-form.ts';
import { PlanSummary } from './plan-summary.tsx';
import { SeatBars } from './seat-bars.tsx';
import { StepStrip } from './step-strip.tsx';
import { usePlan } from './use-plan.ts';

/** How a model is to be divided, redrawn while it is being chosen, and the button that makes it real. */
export function PlanEditor({ model }: { model: ModelView }) {
  const devices = useLive((state) => state.devices);
  const taken = useLive((state) => state.deployments).map(({ name }) => name);
  const [form, setForm] = useState<PlanForm>(() => firstPlanForm(model, devices, taken));
  const [deployed, setDeployed] = useState<string | null>(null);
  const fleet = devices.map(({ id, state }) => `${id} ${state}`).join();
  const { plan, problem, pending } = usePlan(model.name, form, fleet);
  const { busy, problem: refused, run } = useRequest();
  const set = (change: Partial<PlanForm>) => setForm((old) => ({ ...old, ...change }));

  const drawing = plan === null ? null : drawPlan(plan);
  const { problem: nameProblem } = adviseDeploy(
    { ...form, k: 0, r: 0, layers: 'all' },
    model,
    devices,
    taken,
  );
  const distributed = new Set(
    [...(drawing?.decisions ?? [])].filter(([, { distributed }]) => distributed).map(([name]) => name),
  );

  async function deploy(event: FormEvent) {
    event.preventDefault();
    const { name } = form;
    if (!(await run(() => askApi('POST', '/api/deployments', { name, ...planRequest(form, model.name) }))))
      return;
    setDeployed(name);
    setForm((old) => ({ ...old, name: firstPlanForm(model, devices, [...taken, name]).name }));
  }

  return (
    <>
      <Card title="Plan" hint={pending ? 'planning…' : `${readyDevices(devices)} devices are ready`}>
        <form
          onSubmit={deploy}
          className="@container flex flex-col gap-4 border-t p-4"
          data-testid="plan-editor"
        >
          <PlanControls
            form={form}
            onChange={set}
            nameProblem={nameProblem?.field === 'name' ? nameProblem.message : null}
          />
          <div className="flex flex-col gap-4" aria-live="polite" aria-busy={pending}>
            {problem && (
              <Notice tone="danger" title={problem.message}>
                {problem.hint}
                {drawing !== null && <p>Below is the last plan that could be made.</p>}
              </Notice>
            )}
            {drawing && (
              <div className={problem ? 'flex flex-col gap-4 opacity-50' : 'flex flex-col gap-4'}>
                <PlanSummary drawing={drawing} />
                <StepStrip drawing={drawing} />
                <SeatBars drawing={drawing} />
              </div>
            )}
            {drawing === null && problem === null && <PlanOutline />}
          </div>
          {refused && <Notice tone="danger">{refused}</Notice>}
          {deployed !== null && <DeploymentNote name={deployed} />}
          <div className="flex flex-wrap items-center gap-3">
            <Button
              type="submit"
              variant="primary"
              disabled={busy || problem !== null || nameProblem !== null || plan === null}
            >
              {busy ? 'Deploying…' : 'Deploy'}
            </Button>
            {devices.length === 0 && (
              <p className="text-xs text-ink-soft">
                No device has joined. The plan stands; it is distributed when devices{' '}
                <Link href="/devices" className="font-medium text-ink underline underline-offset-4">
                  join
                </Link>
                .
              </p>
            )}
          </div>
        </form>
      </Card>
      <LayerTable
        model={model}
        layers={form.layers}
        decisions={drawing?.decisions ?? null}
        distributed={distributed}
        onRule={(layers) => set({ layers })}
        onToggle={(layer) => set({ layers: toggleLayer(form, model, distributed, layer) })}
      />
    </>
  );
}

/** As large as a plan: nothing jumps when the first one comes. */
function PlanOutline() {
  return (
    <div className="flex animate-pulse flex-col gap-4" role="status" aria-label="The plan is being made">
      <div className="h-14 rounded-lg bg-raised" />
      <div className="h-12 rounded-lg bg-raised" />
      <div className="h-40 rounded-lg bg-raised" />
    </div>
  );
}
