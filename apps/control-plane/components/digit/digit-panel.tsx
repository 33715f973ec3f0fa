'use client';
import type { DeploymentView, TensorSpec } from '@sparewheel/protocol';
import { Eraser } from 'lucide-react';
import { useTheme } from 'next-themes';
import { useState } from 'react';
import { Button } from '../ui/button.tsx';
import { Card } from '../ui/card.tsx';
import { cn } from '../ui/class-names.ts';
import { formatCount, formatDims } from '../ui/format.ts';
import { Notice } from '../ui/notice.tsx';
import { DigitCanvas } from './digit-canvas.tsx';
import { DigitResult } from './digit-result.tsx';
import { digitInput, killHint } from './digit-view.ts';
import { SAMPLE_STROKES, type Stroke } from './sample-strokes.ts';
import { type LiveClassification, useLiveClassification } from './use-live-classification.ts';

/** Classifies a drawn digit repeatedly. Needs a deployment with an input of 28 × 28. */
export function DigitPanel({ deployment }: { deployment: DeploymentView }) {
  const input = digitInput(deployment);
  return (
    <Card
      title="Draw a digit"
      hint={input ? 'sent four times a second' : undefined}
      style={{ gridArea: 'digit' }}
    >
      {input === null ? (
        <p className="border-t px-4 py-6 text-ink-soft">
          Needs an input of 28 × 28. {deployment.name} takes{' '}
          {deployment.inputs.map((spec) => `${spec.name} ${formatDims(spec.dims)} ${spec.type}`).join(', ')}.
          Send requests to{' '}
          <code className="font-mono text-[0.8125rem] [overflow-wrap:anywhere]">
            /v2/models/{deployment.name}/infer
          </code>
          .
        </p>
      ) : (
        <DigitPad key={deployment.name} deployment={deployment} input={input} />
      )}
    </Card>
  );
}

function DigitPad({ deployment, input }: { deployment: DeploymentView; input: TensorSpec }) {
  const [strokes, setStrokes] = useState<readonly Stroke[]>([]);
  const { resolvedTheme } = useTheme();
  const live = useLiveClassification(deployment.name, input, strokes);

  return (
    <div className="flex flex-1 flex-col gap-3 border-t p-4">
      <div className="flex items-stretch gap-4">
        <div className="relative w-[57%] max-w-64 shrink-0">
          <DigitCanvas strokes={strokes} onChange={setStrokes} theme={resolvedTheme} />
          {strokes.length === 0 && (
            <p className="pointer-events-none absolute inset-0 grid place-items-center text-xs text-ink-faint">
              Draw here
            </p>
          )}
        </div>
        <DigitResult classification={live.classification} />
      </div>
      <Samples onPick={setStrokes} onClear={() => setStrokes([])} empty={strokes.length === 0} />
      {live.problem === null ? (
        <AnswerNote live={live} hint={killHint(deployment)} />
      ) : (
        <Notice tone="danger">{live.problem}</Notice>
      )}
    </div>
  );
}

function Samples({
  onPick,
  onClear,
  empty,
}: {
  onPick: (strokes: readonly Stroke[]) => void;
  onClear: () => void;
  empty: boolean;
}) {
  return (
    <div className="flex items-center gap-1">
      <fieldset className="flex min-w-0 flex-1 gap-0.5">
        <legend className="sr-only">Load a sample digit</legend>
        {SAMPLE_STROKES.map((strokes, digit) => (
          <Button
            key={digit}
            variant="quiet"
            size="small"
            className="min-w-0 flex-1 px-0"
            aria-label={`Load a sample ${digit}`}
            onClick={() => onPick(strokes)}
          >
            {digit}
          </Button>
        ))}
      </fieldset>
      <Button size="small" onClick={onClear} disabled={empty}>
        <Eraser />
        Clear
      </Button>
    </div>
  );
}

/** How many shards of the last answer were recovered. */
function AnswerNote({
  live: { classification, asked, recoveredAnswers },
  hint,
}: {
  live: LiveClassification;
  hint: string;
}) {
  const recovered = classification?.recovered ?? 0;
  const rescued = classification?.rescued ?? 0;
  return (
    <p
      data-testid="digit-recovered"
      data-recovered={recovered}
      className={cn(
        // Two lines high from the start, so that the first answer moves nothing below.
        'min-h-15 rounded-lg px-3 py-2 text-[0.8125rem]',
        recovered > 0 ? 'bg-parity-wash text-parity-ink' : 'bg-raised text-ink-soft',
      )}
    >
      {classification === null
        ? hint
        : recovered > 0
          ? `${recovered} ${recovered === 1 ? 'shard' : 'shards'} of this answer recovered from parity`
          : rescued > 0
            ? `${rescued} ${rescued === 1 ? 'shard' : 'shards'} of this answer computed by the data plane`
            : 'All data shards answered'}
      {asked > 0 && ` · ${formatCount(recoveredAnswers)} of ${formatCount(asked)} answers needed parity`}
    </p>
  );
}
