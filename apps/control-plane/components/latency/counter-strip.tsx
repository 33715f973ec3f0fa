import type { DeploymentView, LatencyView, LoadView, RescueRule } from '@sparewheel/protocol';
import { scaleLinear } from 'd3-scale';
import { cn } from '../ui/class-names.ts';
import { formatCount } from '../ui/format.ts';
import { type Counter, counters, throughputNow } from './counters.ts';
import { WrongAnswers } from './wrong-answers.tsx';

const TONES: Record<Counter['tone'], string> = {
  plain: 'text-ink',
  quiet: 'text-ink-faint',
  parity: 'text-parity-ink',
  ok: 'text-ok-ink',
  warning: 'text-warning-ink',
  danger: 'text-danger-ink',
};

/** The counters of a deployment, and its wrong answers. The number of lost requests is first and largest. */
export function CounterStrip({
  latency,
  load,
  state,
  rescue,
  checked,
}: {
  latency: LatencyView | null;
  load: LoadView | null;
  state: DeploymentView['state'];
  rescue: RescueRule;
  checked: boolean;
}) {
  const [lost, ...others] = counters(latency, load, state, rescue, checked);
  const throughput = throughputNow(latency);
  return (
    <div className="flex flex-col gap-2">
      <dl
        aria-label="Requests of this deployment"
        className="grid grid-cols-2 gap-px overflow-hidden rounded-xl border bg-line shadow-card sm:grid-cols-3 lg:grid-cols-4 2xl:grid-cols-[1.3fr_repeat(6,1fr)_1.5fr]"
      >
        {lost && <CounterCell counter={lost} large />}
        {others.map((counter) => (
          <CounterCell key={counter.key} counter={counter} />
        ))}
        <div className="col-span-2 flex min-w-0 flex-col bg-surface px-4 py-3 sm:col-span-2 lg:col-span-1">
          <dt className="text-xs font-medium text-ink-soft">Throughput</dt>
          <dd className="mt-1 flex flex-1 items-end justify-between gap-4">
            <span
              data-testid="throughput"
              className="text-2xl leading-8 font-semibold tracking-[-0.02em] whitespace-nowrap"
            >
              {formatCount(throughput)}
              <span className="ml-1 text-xs font-normal tracking-normal text-ink-faint">/ s</span>
            </span>
            <Sparkline
              values={latency?.throughput ?? []}
              label="Requests answered per second, over the last minute"
            />
          </dd>
        </div>
      </dl>
      <WrongAnswers answers={latency?.wrongAnswers ?? []} />
    </div>
  );
}

function CounterCell({ counter, large = false }: { counter: Counter; large?: boolean }) {
  return (
    <div
      className={cn(
        'flex min-w-0 flex-col px-4 py-3',
        large && counter.tone === 'plain' && 'bg-surface',
        large && counter.tone === 'ok' && 'bg-ok-wash',
        large && counter.tone === 'warning' && 'bg-warning-wash',
        large && counter.tone === 'danger' && 'bg-danger-wash',
        large ? 'col-span-2 sm:col-span-1' : 'bg-surface',
      )}
    >
      <dt className={cn('text-xs font-medium', large ? TONES[counter.tone] : 'text-ink-soft')}>
        {counter.label}
      </dt>
      <dd className="mt-1 flex flex-1 flex-col justify-between">
        <span
          data-testid={`counter-${counter.key}`}
          className={cn(
            'font-semibold tracking-[-0.02em]',
            large ? 'text-5xl leading-none' : 'text-2xl leading-8',
            TONES[counter.tone],
          )}
        >
          {counter.value}
        </span>
        <span className={cn('mt-1 text-xs/4', large ? TONES[counter.tone] : 'text-ink-faint')}>
          {counter.note}
        </span>
      </dd>
    </div>
  );
}

const SPARKLINE = { width: 160, height: 36 };

/** A small line over time without axes. */
function Sparkline({ values, label }: { values: readonly number[]; label: string }) {
  if (values.length < 2) return null;
  const { width, height } = SPARKLINE;
  const x = scaleLinear([0, values.length - 1], [0, width]);
  const y = scaleLinear([0, Math.max(1, ...values)], [height - 1, 2]);
  const line = values.map((value, index) => `${x(index).toFixed(1)},${y(value).toFixed(1)}`).join(' ');
  return (
    <svg
      viewBox={`0 0 ${width} ${height}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={label}
      className="h-9 w-full max-w-48 min-w-0 text-ink-faint"
    >
      <polygon points={`0,${height} ${line} ${width},${height}`} fill="currentColor" opacity="0.12" />
      <polyline
        points={line}
        fill="none"
        stroke="currentColor"
        strokeWidth="1.5"
        vectorEffect="non-scaling-stroke"
      />
    </svg>
  );
}
