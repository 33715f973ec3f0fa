'use client';
import type { ModelView } from '@sparewheel/protocol';
import Link from 'next/link';
import { type FormEvent, useState } from 'react';
import { adviseDeploy, readyDevices } from '../deploy/deploy-form-view.ts';
import { DeploymentNote } from '../deploy/deployment-note.tsx';
import { useDeploy } from '../deploy/use-deploy.ts';
import { useLive } from '../live-connection/live-queries.ts';
import { LayerTable } from '../models/layer-table.tsx';
import { ErrorNotice } from '../shell/errors.tsx';
import { Button } from '../ui/button.tsx';
import { Card } from '../ui/card.tsx';
import { PlanControls } from './plan-controls.tsx';
import { drawPlan } from './plan-drawing.ts';
import {
  DISTRIBUTE_ANYWAY,
  firstPlanForm,
  isDistributable,
  type PlanForm,
  planRequest,
  toggleLayer,
  wholeAdvice,
} from './plan-form.ts';
import { PlanSummary } from './plan-summary.tsx';
import { SeatBars } from './seat-bars.tsx';
import { StepStrip } from './step-strip.tsx';
import { usePlan } from './use-plan.ts';

/** Plans a deployment: shows the plan of the current choices, and deploys it. */
export function PlanEditor({ model }: { model: ModelView }) {
  const devices = useLive('devices');
  const taken = useLive('deployments', (deployments) => deployments.map(({ name }) => name));
  const [form, setForm] = useState<PlanForm>(() => firstPlanForm(model, devices, taken));
  const [deployed, setDeployed] = useState<string | null>(null);
  const fleet = devices.map(({ id, state }) => `${id} ${state}`).join();
  const { plan, error, pending } = usePlan(model.name, form, fleet);
  const deploying = useDeploy((name) => {
    setDeployed(name);
    set({ name: firstPlanForm(model, devices, [...taken, name]).name });
  });
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

  function submit(event: FormEvent) {
    event.preventDefault();
    deploying.deploy({ name: form.name, ...planRequest(form, model.name) });
  }

  return (
    <>
      <Card title="Plan" hint={pending ? 'planning…' : `${readyDevices(devices)} devices are ready`}>
        <form
          onSubmit={submit}
          className="@container flex flex-col gap-4 border-t p-4"
          data-testid="plan-editor"
        >
          <PlanControls
            form={form}
            onChange={set}
            nameProblem={nameProblem?.field === 'name' ? nameProblem.message : null}
          />
          <div className="flex flex-col gap-4" aria-live="polite" aria-busy={pending}>
            <ErrorNotice error={error} />
            {error && drawing && <p className="text-xs text-ink-soft">The last possible plan:</p>}
            {drawing && (
              <div className={error ? 'flex flex-col gap-4 opacity-50' : 'flex flex-col gap-4'}>
                <PlanSummary drawing={drawing} />
                {drawing.runsWhole !== null && (
                  <p className="flex flex-wrap items-center gap-x-3 gap-y-1 text-xs text-ink-soft">
                    {wholeAdvice(form, model, drawing)}
                    {isDistributable(form, model) && (
                      <Button size="small" onClick={() => set(DISTRIBUTE_ANYWAY)}>
                        Distribute it anyway
                      </Button>
                    )}
                  </p>
                )}
                <StepStrip drawing={drawing} />
                <SeatBars drawing={drawing} />
              </div>
            )}
            {drawing === null && error === null && <PlanOutline />}
          </div>
          <ErrorNotice error={deploying.error} />
          {deployed !== null && (
            <DeploymentNote name={deployed}>
              <Link
                href={`/?deployment=${encodeURIComponent(deployed)}`}
                className="font-medium text-ink underline underline-offset-4"
              >
                Show {deployed}
              </Link>
            </DeploymentNote>
          )}
          <div className="flex flex-wrap items-center gap-3">
            <Button
              type="submit"
              variant="primary"
              disabled={deploying.pending || error !== null || nameProblem !== null || plan === null}
            >
              {deploying.pending ? 'Deploying…' : 'Deploy'}
            </Button>
            {devices.length === 0 && (
              <p className="text-xs text-ink-soft">
                No devices yet. The deployment starts when devices{' '}
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
        elsewhere={drawing?.elsewhere ?? 'local'}
        distributed={distributed}
        onRule={(layers) => set({ layers })}
        onToggle={(layer) => set({ layers: toggleLayer(form, model, distributed, layer) })}
      />
    </>
  );
}

/** A placeholder of the size of a plan. */
function PlanOutline() {
  return (
    <div className="flex animate-pulse flex-col gap-4" role="status" aria-label="Planning">
      <div className="h-14 rounded-lg bg-raised" />
      <div className="h-12 rounded-lg bg-raised" />
      <div className="h-40 rounded-lg bg-raised" />
    </div>
  );
}
