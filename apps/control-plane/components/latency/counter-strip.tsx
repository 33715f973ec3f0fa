import type { LatencyView, LoadView } from '@sparewheel/protocol';
import { cn } from '../ui/class-names.ts';
import { formatCount } from '../ui/format.ts';
import { type Counter, counters, throughputNow } from './counters.ts';
import { Sparkline } from './sparkline.tsx';

const TONES: Record<Counter['tone'], string> = {
  plain: 'text-ink',
  quiet: 'text-ink-faint',
  parity: 'text-parity-ink',
  ok: 'text-ok-ink',
  danger: 'text-danger-ink',
};

/** The numbers that the whole thing is about, 0 lost first and largest. */
export function CounterStrip({ latency, load }: { latency: LatencyView | null; load: LoadView | null }) {
  const [lost, ...others] = counters(latency, load);
  const throughput = throughputNow(latency);
  return (
    <dl
      aria-label="Requests of this deployment"
      className="grid grid-cols-2 gap-px overflow-hidden rounded-xl border bg-line shadow-card sm:grid-cols-3 lg:grid-cols-[1.4fr_repeat(4,1fr)_1.6fr]"
    >
      {lost && <CounterCell counter={lost} large />}
      {others.map((counter) => (
        <CounterCell key={counter.key} counter={counter} />
      ))}
      <div className="col-span-2 flex min-w-0 flex-col bg-surface px-4 py-3 sm:col-span-1">
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
            label="Requests answered in each of the last seconds"
          />
        </dd>
      </div>
    </dl>
  );
}

function CounterCell({ counter, large = false }: { counter: Counter; large?: boolean }) {
  return (
    <div
      className={cn(
        'flex min-w-0 flex-col px-4 py-3',
        large && counter.tone === 'ok' && 'bg-ok-wash',
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
