'use client';
import type { DeploymentView, TensorSpec } from '@sparewheel/protocol';
import { Eraser } from 'lucide-react';
import { useTheme } from 'next-themes';
import { useState } from 'react';
import { Button } from '../../ui/button.tsx';
import { AnswerNote } from '../answer-note.tsx';
import { useLiveAnswers } from '../use-live-answers.ts';
import { DigitCanvas } from './digit-canvas.tsx';
import { DigitResult } from './digit-result.tsx';
import { readClassification } from './digit-view.ts';
import { SAMPLE_STROKES, type Stroke } from './sample-strokes.ts';

/** Classifies a drawn digit repeatedly. */
export function DigitPad({ deployment, input }: { deployment: DeploymentView; input: TensorSpec }) {
  const [strokes, setStrokes] = useState<readonly Stroke[]>([]);
  const { resolvedTheme } = useTheme();
  const output = deployment.outputs[0]?.name ?? '';
  const live = useLiveAnswers(deployment, strokes.length > 0, {
    input: strokes,
    feeds: async () => {
      const { digitFromStrokes } = await import('@sparewheel/zoo/digits');
      const data = digitFromStrokes(strokes.map((stroke) => stroke.map(([x, y]) => ({ x, y }))));
      return [{ name: input.name, dims: [1, 1, 28, 28], data }];
    },
    fetches: [output],
    read: ({ outputs }) => readClassification(Array.from(outputs.get(output) ?? [], Number)),
  });

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
        <DigitResult
          classification={(live.last ?? live.previous)?.value ?? null}
          current={live.last !== null}
          latencyMs={live.last?.latencyMs ?? null}
        />
      </div>
      <Samples onPick={setStrokes} onClear={() => setStrokes([])} empty={strokes.length === 0} />
      <AnswerNote live={live} deployment={deployment} meanwhile="draw" />
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
