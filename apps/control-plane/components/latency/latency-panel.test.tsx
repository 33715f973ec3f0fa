// @vitest-environment happy-dom
import { screen, within } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import { renderDashboard } from '../testing/render.tsx';
import { comparison, deployment, latency, percentiles } from '../testing/view-fixtures.ts';
import { LatencyPanel } from './latency-panel.tsx';

const bins = (counts: number[]) =>
  counts.map((count, from) => ({ from, to: from === counts.length - 1 ? null : from + 1, count }));
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

  it('shows the percentiles before and since a fault', () => {
    const view = latency({
      histogram: bins([5, 5]),
      lastFault: KILLED,
      beforeFault: { since: '', percentiles: percentiles({ p50: 4 }), histogram: bins([5, 0]) },
      afterFault: { since: '', percentiles: percentiles({ p50: 5, count: 12_345 }), histogram: bins([0, 5]) },
    });
    renderDashboard(<LatencyPanel latency={view} deployment={deployment(4, 1)} />);
    expect(screen.getByText('Last fault: local-3 is killed')).toBeTruthy();
    expect(screen.getByTestId('latency-before-p50').textContent).toBe('4.00 ms');
    expect(screen.getByTestId('latency-since-p50').textContent).toBe('5.00 ms');
    expect(screen.getByText('12,345')).toBeTruthy();
  });

  it('says why coded and uncoded latency cannot be compared', async () => {
    const view = latency({ histogram: bins([5, 5]), comparison: comparison({ calledOff: 7 }) });
    const { user } = renderDashboard(<LatencyPanel latency={view} deployment={deployment(4, 1)} />);
    await user.click(screen.getByRole('radio', { name: 'Coded / uncoded' }));
    expect(screen.getByTestId('rule-note').textContent).toMatch(
      /^Nothing to compare: all 7 requests had a canceled answer or a busy device\./,
    );
  });

  it('shows “never” for requests that an uncoded system does not answer', async () => {
    const view = latency({
      histogram: bins([5, 5]),
      comparison: comparison({
        requests: 10,
        unanswered: 2,
        coded: { percentiles: percentiles(), histogram: bins([10, 0]) },
        uncoded: { percentiles: { ...percentiles(), max: null }, histogram: bins([0, 8]) },
      }),
    });
    const { user } = renderDashboard(<LatencyPanel latency={view} deployment={deployment(4, 1)} />);
    await user.click(screen.getByRole('radio', { name: 'Coded / uncoded' }));
    const never = within(screen.getByTestId('latency-uncoded-max')).getByText('never');
    expect(never.title).toBe('Under this rule, requests at this percentile are never answered.');
    expect(screen.getByTestId('latency-gain-max').textContent).toBe('–');
  });

  it('offers no comparison of rules without parity', () => {
    renderDashboard(
      <LatencyPanel
        latency={latency({ histogram: bins([5, 5]) })}
        deployment={deployment(4, 0, { strategy: 'uncoded' })}
      />,
    );
    expect(screen.queryByRole('radio', { name: 'Coded / uncoded' })).toBeNull();
    expect(screen.getByRole('radio', { name: 'Over time' })).toBeTruthy();
  });
});
