'use client';
import type { DeploymentView, LoadRequest } from '@sparewheel/protocol';
import { Play, Square } from 'lucide-react';
import { type FormEvent, useState } from 'react';
import { formatCount } from '../../src/view-model/format.ts';
import { askApi } from '../live-connection/api-client.ts';
import { Button } from '../ui/button.tsx';
import { Card } from '../ui/card.tsx';
import { Field, Input } from '../ui/field.tsx';
import { Notice } from '../ui/notice.tsx';
import { Segmented } from '../ui/segmented.tsx';
import { StatusDot } from '../ui/status-dot.tsx';
import { useRequest } from './use-request.ts';

const MODES = [
  { value: 'closed', label: 'Closed loop' },
  { value: 'open', label: 'Open loop' },
] as const;

/** Traffic to break things under: always so many in flight, or so many a second whatever happens. */
export function LoadPanel({ deployment }: { deployment: DeploymentView }) {
  const { load, name } = deployment;
  const running = load?.running ?? false;
  const [mode, setMode] = useState<LoadRequest['mode']>('closed');
  const [concurrency, setConcurrency] = useState(8);
  const [ratePerSecond, setRate] = useState(50);
  const { busy, problem, run } = useRequest();
  const path = `/api/deployments/${encodeURIComponent(name)}/load`;

  function submit(event: FormEvent) {
    event.preventDefault();
    const body: LoadRequest = mode === 'closed' ? { mode, concurrency } : { mode, ratePerSecond };
    void run(() => (running ? askApi('DELETE', path) : askApi('POST', path, body)));
  }

  return (
    <Card
      title="Load"
      hint={
        running && (
          <span className="flex items-center gap-1.5">
            <StatusDot tone="ok" pulse />
            {load?.mode === 'closed'
              ? `${load.concurrency} always in flight`
              : `${load?.ratePerSecond} requests/s`}
          </span>
        )
      }
      style={{ gridArea: 'load' }}
    >
      <form onSubmit={submit} className="flex flex-col gap-3 border-t p-4">
        <Segmented label="Kind of load" value={mode} options={MODES} onChange={setMode} disabled={running} />
        <div className="flex items-end gap-2">
          {mode === 'closed' ? (
            <NumberField
              label="Requests in flight"
              value={concurrency}
              max={64}
              onChange={setConcurrency}
              disabled={running}
            />
          ) : (
            <NumberField
              label="Requests per second"
              value={ratePerSecond}
              max={10_000}
              onChange={setRate}
              disabled={running}
            />
          )}
          <Button type="submit" variant={running ? 'outline' : 'primary'} disabled={busy} className="w-28">
            {running ? <Square /> : <Play />}
            {running ? 'Stop load' : 'Start load'}
          </Button>
        </div>
        {load && (
          <p className="text-xs text-ink-faint">
            As the client saw it: {formatCount(load.sent)} sent, {formatCount(load.answered)} answered,{' '}
            {formatCount(load.failed)} failed, {formatCount(load.lost)} lost, {formatCount(load.inFlight)} in
            flight.
          </p>
        )}
        {problem && <Notice tone="danger">{problem}</Notice>}
      </form>
    </Card>
  );
}

function NumberField({
  label,
  value,
  max,
  disabled,
  onChange,
}: {
  label: string;
  value: number;
  max: number;
  disabled: boolean;
  onChange: (value: number) => void;
}) {
  return (
    <Field label={label} className="flex-1">
      {(ids) => (
        <Input
          {...ids}
          type="number"
          min={1}
          max={max}
          required
          disabled={disabled}
          value={Number.isNaN(value) ? '' : value}
          onChange={(event) => onChange(event.target.valueAsNumber)}
        />
      )}
    </Field>
  );
}
