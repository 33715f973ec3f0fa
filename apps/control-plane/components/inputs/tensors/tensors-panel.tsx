'use client';
import type { DeploymentView } from '@sparewheel/protocol';
import { Play, Square } from 'lucide-react';
import { useMemo, useRef, useState } from 'react';
import { Button } from '../../ui/button.tsx';
import { formatDims, formatMs } from '../../ui/format.ts';
import { AnswerNote } from '../answer-note.tsx';
import type { OutputData } from '../infer.ts';
import { useLiveAnswers } from '../use-live-answers.ts';
import { relativeDifference, sampleFeeds } from './sample-feeds.ts';

/** Sends the same random input repeatedly, and compares each answer with the first one. */
export function TensorsPanel({ deployment }: { deployment: DeploymentView }) {
  const { inputs, outputs, name } = deployment;
  const [on, setOn] = useState(false);
  const first = useRef<ReadonlyMap<string, OutputData>>(null);
  const feeds = useMemo(() => sampleFeeds(inputs), [inputs]);
  const live = useLiveAnswers(deployment, on && feeds !== null, {
    input: feeds,
    feeds: () => feeds,
    fetches: outputs.map((output) => output.name),
    read: (answer) => {
      first.current ??= answer.outputs;
      let worst = 0;
      for (const [output, data] of answer.outputs) {
        worst = Math.max(worst, relativeDifference(data, first.current.get(output) ?? data));
      }
      return worst;
    },
  });
  const difference = live.last?.value ?? null;
  return (
    <div className="flex flex-1 flex-col gap-3 border-t p-4 text-[0.8125rem]">
      <Tensors title="Takes" tensors={inputs} />
      <Tensors title="Returns" tensors={outputs} />
      {feeds === null ? null : (
        <Button
          size="small"
          className="w-fit"
          onClick={() => {
            first.current = null;
            setOn(!on);
          }}
        >
          {on ? <Square /> : <Play />}
          {on ? 'Stop sending' : 'Send random numbers'}
        </Button>
      )}
      {difference !== null && (
        <p data-testid="tensor-difference">
          {formatMs(live.last?.latencyMs ?? null)} · differs from the first answer by{' '}
          {difference === 0 ? '0' : difference.toExponential(1)}, relative to its largest value
        </p>
      )}
      <p className="text-ink-soft">
        Send your own with{' '}
        <code className="font-mono [overflow-wrap:anywhere]">POST /v2/models/{name}/infer</code>.
      </p>
      <AnswerNote live={live} deployment={deployment} meanwhile="watch the answers" />
    </div>
  );
}

function Tensors({ title, tensors }: { title: string; tensors: DeploymentView['inputs'] }) {
  return (
    <div>
      <p className="text-xs text-ink-faint">{title}</p>
      {tensors.map((tensor) => (
        <p key={tensor.name} className="break-words">
          <span className="font-medium">{tensor.name}</span>{' '}
          <span className="text-ink-soft">
            {tensor.type}, {formatDims(tensor.dims)}
          </span>
        </p>
      ))}
    </div>
  );
}
