'use client';
import type { DeploymentView, LoadView } from '@sparewheel/protocol';
import { useMutation } from '@tanstack/react-query';
import { Play, Square } from 'lucide-react';
import { type FormEvent, useState } from 'react';
import { askApi } from '../live-connection/api-client.ts';
import { ErrorNotice } from '../shell/errors.tsx';
import { Button } from '../ui/button.tsx';
import { Card } from '../ui/card.tsx';
import { formatCount, formatPercent } from '../ui/format.ts';
import { Progress } from '../ui/progress.tsx';
import { StatusDot } from '../ui/status-dot.tsx';
import { useNow } from '../use-now.ts';
import { LoadFields } from './load-fields.tsx';
import { describeLoad, FIRST_LOAD, formOf, type LoadForm, loadProgress, loadRequest } from './load-form.ts';
import { type InputSource, LoadInputs } from './load-inputs.tsx';
import type { Picture } from './picture.ts';

/** Starts and stops the load generator of a deployment, and shows its counters. */
export function LoadPanel({ deployment }: { deployment: DeploymentView }) {
  const { load, name } = deployment;
  const running = load?.running ?? false;
  const [form, setForm] = useState<LoadForm>(FIRST_LOAD);
  const [source, setSource] = useState<InputSource>('samples');
  const [pictures, setPictures] = useState<readonly Picture[]>([]);
  const path = `/api/deployments/${encodeURIComponent(name)}/load`;
  const lacksPictures = source !== 'samples' && pictures.length === 0;

  const toggle = useMutation({
    mutationFn: () => {
      const chosen = source === 'samples' ? [] : pictures.map(({ bytes }) => bytes);
      return running ? askApi('DELETE', path) : askApi('POST', path, loadRequest(form, chosen));
    },
  });

  function submit(event: FormEvent) {
    event.preventDefault();
    toggle.mutate();
  }

  return (
    <Card
      title="Load"
      hint={
        running && (
          <span className="flex items-center gap-1.5">
            <StatusDot tone="ok" pulse />
            {load && describeLoad(load)}
          </span>
        )
      }
    >
      <form onSubmit={submit} className="@container flex flex-col gap-3 border-t p-4">
        <LoadFields form={load?.running ? formOf(load) : form} disabled={running} onChange={setForm} />
        {!running && (
          <LoadInputs
            deployment={deployment}
            source={source}
            pictures={pictures}
            onSource={setSource}
            onPictures={setPictures}
          />
        )}
        <Button
          type="submit"
          variant={running ? 'outline' : 'primary'}
          disabled={toggle.isPending || (!running && lacksPictures)}
          className="w-full"
        >
          {running ? <Square /> : <Play />}
          {running ? 'Stop load' : 'Start load'}
        </Button>
        {load && <LoadResult load={load} />}
        <ErrorNotice error={toggle.error} />
      </form>
    </Card>
  );
}

/** The progress of the load, and the counters of its requests. */
function LoadResult({ load }: { load: LoadView }) {
  const now = useNow();
  const progress = load.running ? loadProgress(load, now) : null;
  return (
    <div className="flex flex-col gap-2" data-testid="load-result" data-running={load.running}>
      {progress !== null && (
        <div className="flex items-center gap-2 text-xs text-ink-soft">
          <Progress label="Progress of the load" value={progress} className="flex-1" />
          {formatPercent(progress, 0)}
        </div>
      )}
      <p className="text-xs text-ink-faint">
        Seen by the client: {formatCount(load.sent)} sent, {formatCount(load.answered)} answered,{' '}
        {formatCount(load.failed)} failed, {formatCount(load.lost)} lost, {formatCount(load.inFlight)} in
        flight.
      </p>
    </div>
  );
}
