'use client';
import { scaleLinear } from 'd3-scale';
import { Area, AreaChart, CartesianGrid, Tooltip, XAxis, YAxis } from 'recharts';
import { formatAxis } from '../ui/format.ts';
import { SERIES_STYLES } from './series-colors.ts';
import { type LatencyHistogram, type ShareBin, SMALLEST_SHARE } from './share-bins.ts';
import { useSize } from './use-size.ts';

const TICK = { fontSize: 11, fill: 'var(--ink-faint)' };
const shareOf = (series: number, floor: number) => (bin: ShareBin) =>
  Math.max(floor, bin.shares[series] ?? 0);
/** Constant functions: Recharts treats a new function as new data. */
const SHARE_OF = {
  linear: [shareOf(0, 0), shareOf(1, 0)],
  log: [shareOf(0, SMALLEST_SHARE), shareOf(1, SMALLEST_SHARE)],
};
const LOG_TICKS = [0.01, 0.1, 1, 10, 100];

/** Draws each series as steps over the same time axis. Not animated: the data changes five times a second. */
export function LatencyChart({ histogram, scale }: { histogram: LatencyHistogram; scale: 'linear' | 'log' }) {
  const [frame, { width, height }] = useSize<HTMLDivElement>();
  const log = scale === 'log';
  const floor = log ? SMALLEST_SHARE : 0;
  const points = stepPoints(histogram.bins);

  return (
    <div ref={frame} className="absolute inset-0">
      {width > 0 && (
        <AreaChart
          width={width}
          height={height}
          data={points}
          margin={{ top: 12, right: 16, bottom: 22, left: 8 }}
        >
          <CartesianGrid stroke="var(--line)" vertical={false} />
          <XAxis
            dataKey="from"
            type="number"
            domain={[histogram.startMs, histogram.endMs]}
            tickCount={Math.max(3, Math.min(9, Math.floor(width / 80)))}
            tick={TICK}
            tickLine={false}
            axisLine={{ stroke: 'var(--line-strong)' }}
            tickFormatter={formatAxis}
            label={{ value: 'latency (ms)', position: 'insideBottom', offset: -14, ...TICK }}
          />
          <YAxis
            scale={log ? 'log' : 'linear'}
            domain={log ? [SMALLEST_SHARE, 100] : [0, histogram.topPercent]}
            ticks={log ? LOG_TICKS : scaleLinear([0, histogram.topPercent], [0, 1]).ticks(5)}
            allowDataOverflow
            width={60}
            tick={TICK}
            tickLine={false}
            axisLine={false}
            tickFormatter={(percent: number) => `${formatAxis(percent)} %`}
            label={{
              value: 'share of requests',
              angle: -90,
              position: 'insideLeft',
              offset: 2,
              style: { textAnchor: 'middle' },
              ...TICK,
            }}
          />
          <Tooltip content={BinTooltip} isAnimationActive={false} cursor={{ stroke: 'var(--line-strong)' }} />
          {histogram.rows.map(({ key, label }, at) => (
            <Area
              key={key}
              name={label}
              type="stepAfter"
              dataKey={SHARE_OF[scale][at]!}
              baseValue={floor}
              stroke={SERIES_STYLES[key].color}
              strokeWidth={1.5}
              strokeDasharray={SERIES_STYLES[key].dash ?? ''}
              fill={SERIES_STYLES[key].color}
              fillOpacity={SERIES_STYLES[key].dash ? 0.14 : at === 0 ? 0.3 : 0.22}
              isAnimationActive={false}
              activeDot={false}
              dot={false}
            />
          ))}
        </AreaChart>
      )}
    </div>
  );
}

/** Appends a point at the right edge: the last step needs an end. */
function stepPoints(bins: readonly ShareBin[]): readonly ShareBin[] {
  const last = bins.at(-1);
  return last ? [...bins, { ...last, from: last.to }] : [];
}

function BinTooltip({
  active,
  payload,
}: {
  active?: boolean;
  payload?: readonly { payload?: ShareBin; name?: unknown }[];
}) {
  const bin = payload?.[0]?.payload;
  if (!active || bin === undefined) return null;
  return (
    <div className="rounded-lg border bg-surface px-3 py-2 text-xs shadow-float">
      <p className="font-medium">
        {Number(bin.from.toPrecision(4))} – {Number(bin.to.toPrecision(4))} ms
      </p>
      {payload?.map(({ name }, at) => (
        <p key={String(name)} className="text-ink-soft">
          {String(name)}: {(bin.shares[at] ?? 0).toFixed(2)} %
        </p>
      ))}
    </div>
  );
}
