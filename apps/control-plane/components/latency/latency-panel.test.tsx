// @vitest-environment happy-dom
import type { RuleComparisonView } from '@sparewheel/protocol';
import { screen, within } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import { renderDashboard } from '../testing/render.tsx';
import { comparison, deployment, latency, percentiles, period } from '../testing/view-fixtures.ts';
import { LatencyPanel } from './latency-panel.tsx';

const bins = (counts: number[]) =>
  counts.map((count, from) => ({ from, to: from === counts.length - 1 ? null : from + 1, count }));
const compared = (change: Partial<RuleComparisonView>) =>
  latency({ histogram: bins([5, 5]), periods: [period({ comparison: comparison(change) })] });
const PREDICTIONS = { plan: { ms: 3, megabytes: 1 }, device: null, dataPlane: null };
const KILLED = { at: '2026-01-01T00:00:00Z', description: 'local-3 is killed' };

describe('the latency panel', () => {
  it('says how to get latencies before the first request', () => {
    renderDashboard(<LatencyPanel latency={null} deployment={deployment(4, 1)} />);
    expect(screen.getByText('No requests yet')).toBeTruthy();
    expect(screen.queryByTestId('latency-chart')).toBeNull();
    for (const name of ['Save the chart as CSV', 'Save the chart as PNG']) {
      expect(screen.getByRole('button', { name }).hasAttribute('disabled')).toBe(true);
    }
  });

  it('shows the percentiles of named periods, and those by failed devices', () => {
    const view = latency({
      histogram: bins([5, 5]),
      lastFault: KILLED,
      periods: [
        period({ id: 2, name: 'local-3 killed', percentiles: percentiles({ p50: 5, count: 12_345 }) }),
        period({ until: '2026-01-01T14:03:21Z', percentiles: percentiles({ p50: 14 }), warmUp: 12 }),
      ],
      byFailedDevices: [
        { failed: 0, percentiles: percentiles({ p50: 4 }) },
        { failed: 1, percentiles: percentiles({ p50: 6 }) },
      ],
    });
    renderDashboard(
      <LatencyPanel latency={view} deployment={deployment(4, 1, { predictions: PREDICTIONS })} />,
    );
    expect(screen.getByText('Last fault: local-3 is killed')).toBeTruthy();
    expect(screen.getByTestId('latency-since').textContent).toContain('local-3 killed, since');
    expect(screen.getByTestId('latency-before').textContent).toContain('healthy, ');
    expect(screen.getByTestId('latency-before-p50').textContent).toBe('14.00 ms');
    expect(screen.getByTestId('latency-since-p50').textContent).toBe('5.00 ms');
    expect(screen.getByTestId('latency-failed-1').textContent).toBe('1 device failed');
    expect(screen.getByTestId('latency-failed-1-p50').textContent).toBe('6.00 ms');
    expect(screen.getByText('12,345')).toBeTruthy();
    expect(screen.getByTestId('period-note').textContent).toBe('12 warm-up requests not counted');
    expect(screen.getByTestId('predicted-p50').textContent).toBe('3.00 ms');
    expect(screen.getByTestId('measured-p50').textContent).toBe('5.00 ms');
  });

  it('says that the deployment warms up', () => {
    const cold = period({ warmUp: 3, percentiles: percentiles({ count: 0 }) });
    renderDashboard(<LatencyPanel latency={latency({ periods: [cold] })} deployment={deployment(4, 1)} />);
    expect(screen.getByText('Warming up')).toBeTruthy();
    expect(screen.getByText('3 warm-up requests not counted.')).toBeTruthy();
  });

  it('says why coded and uncoded latency cannot be compared', async () => {
    const { user } = renderDashboard(
      <LatencyPanel latency={compared({ calledOff: 7 })} deployment={deployment(4, 1)} />,
    );
    await user.click(screen.getByRole('radio', { name: 'Coded / uncoded' }));
    expect(screen.getByTestId('rule-note').textContent).toMatch(/^Nothing to compare yet: 7 requests/);
  });

  it('shows “never” for requests that an uncoded system does not answer', async () => {
    const view = compared({
      requests: 10,
      unanswered: 2,
      coded: { percentiles: percentiles(), histogram: bins([10, 0]) },
      uncoded: { percentiles: { ...percentiles(), max: null }, histogram: bins([0, 8]) },
    });
    const { user } = renderDashboard(<LatencyPanel latency={view} deployment={deployment(4, 1)} />);
    await user.click(screen.getByRole('radio', { name: 'Coded / uncoded' }));
    const never = within(screen.getByTestId('latency-uncoded-max')).getByText('never');
    expect(never.title).toBe('Under this rule, requests at this percentile are never answered.');
    expect(screen.getByTestId('latency-gain-max').textContent).toBe('–');
  });

  it('offers no comparison of rules without parity', () => {
    renderDashboard(
      <LatencyPanel latency={compared({})} deployment={deployment(4, 0, { strategy: 'uncoded' })} />,
    );
    expect(screen.queryByRole('radio', { name: 'Coded / uncoded' })).toBeNull();
    expect(screen.getByRole('radio', { name: 'Over time' })).toBeTruthy();
  });
});
