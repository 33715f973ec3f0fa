'use client';
import type { DeploymentView } from '@sparewheel/protocol';
import { LINE_HEIGHT, LINE_WIDTH } from '@sparewheel/zoo/line-reader';
import { Check, TriangleAlert } from 'lucide-react';
import { useLayoutEffect, useRef, useState } from 'react';
import { describeWait } from '../inputs/answer-note.tsx';
import { COMPARISONS } from '../inputs/line/line-result.tsx';
import { MOST_CHARACTERS, SAMPLE_LINE } from '../inputs/line/line-view.ts';
import { paintText } from '../inputs/line/paint-line.ts';
import { type LineReading, useLineReading } from '../inputs/line/use-line-reading.ts';
import { cn } from '../ui/class-names.ts';
import { formatMs } from '../ui/format.ts';

/** The line reader on the stage: a typed line, what the model sees, and what it reads while devices die. */
export function StageLine({ deployment }: { deployment: DeploymentView }) {
  const [text, setText] = useState(SAMPLE_LINE);
  const paper = useRef<HTMLCanvasElement>(null);
  const filled = useRef(0);
  useLayoutEffect(() => {
    const context = paper.current?.getContext('2d');
    if (context) filled.current = paintText(context, text);
  }, [text]);
  const reading = useLineReading(deployment, {
    paper,
    filled,
    present: text.trim() !== '',
    input: text,
    typed: text,
  });

  return (
    <section
      aria-label="Read a line"
      className="grid gap-x-4 gap-y-2 rounded-xl border bg-surface px-3 py-2 md:grid-cols-[minmax(0,2fr)_minmax(0,3fr)]"
    >
      <div className="flex min-w-0 flex-col justify-center gap-1.5">
        <input
          aria-label="Line of text. Enter gives the keys back to the stage."
          title="Press Enter when you are done: the number keys then kill devices again."
          value={text}
          maxLength={MOST_CHARACTERS}
          placeholder="Type a line"
          autoComplete="off"
          spellCheck={false}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={({ key, currentTarget }) => {
            // The keys of the stage work again.
            if (key === 'Enter') currentTarget.blur();
          }}
          className="h-9 w-full min-w-0 rounded-md border border-line-strong bg-surface px-2.5 text-lg placeholder:text-ink-faint"
        />
        <canvas
          ref={paper}
          width={LINE_WIDTH}
          height={LINE_HEIGHT}
          role="img"
          aria-label="The line that the model reads"
          className="w-full rounded border bg-raised"
        />
      </div>
      <Result {...reading} />
    </section>
  );
}

function Result({ live, read, current, comparison, error }: LineReading) {
  const problem = error?.message ?? live.problem;
  const Icon = comparison === 'different' ? TriangleAlert : Check;
  return (
    <div className="flex min-w-0 flex-col justify-center">
      <output
        data-testid="stage-line-text"
        aria-label="Text that was read"
        className={cn(
          'line-clamp-2 text-[clamp(1.25rem,2.3vw,3rem)] leading-tight font-semibold tracking-[-0.02em] [overflow-wrap:anywhere]',
          (!current || read === null || read.text === '') && 'text-ink-faint',
        )}
      >
        {read === null ? '?' : read.text === '' ? 'no text' : read.text}
      </output>
      <p
        className={cn(
          'flex flex-wrap items-center gap-x-3 text-[clamp(0.875rem,1.1vw,1.25rem)] leading-normal text-ink-soft',
          problem !== null && 'text-danger-ink',
          problem === null && live.waitingMs !== null && 'text-warning-ink',
        )}
      >
        {problem ??
          (live.waitingMs !== null ? (
            describeWait(live.waitingMs, current)
          ) : (
            <>
              {comparison !== 'unknown' && (
                <span
                  data-testid="stage-line-comparison"
                  className={cn(
                    'inline-flex items-center gap-1 font-medium',
                    comparison === 'same' ? 'text-ok-ink' : comparison === 'different' && 'text-danger-ink',
                  )}
                >
                  <Icon aria-hidden className="size-[1em]" />
                  {COMPARISONS[comparison]}
                </span>
              )}
              <span>{current ? `read in ${formatMs(live.last?.latencyMs ?? null)}` : 'reading…'}</span>
              {live.asked > 0 && (
                <span>
                  {live.recoveredAnswers} of {live.asked} answers used parity
                </span>
              )}
            </>
          ))}
      </p>
    </div>
  );
}
