// @vitest-environment happy-dom
import type { ArrivalsView } from '@sparewheel/protocol';
import { screen } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import { apiError, renderDashboard } from '../testing/render.tsx';
import { deployment, device, percentiles } from '../testing/view-fixtures.ts';
import { ArrivalsPanel } from './arrivals-panel.tsx';

function view(count: number): ArrivalsView {
  return {
    deployment: 'lenet5',
    unit: 'ms',
    since: '2026-01-01T00:00:00Z',
    requests: 10,
    edges: [0, 1, 2],
    devices: Array.from({ length: count }, (_, at) => ({
      device: `id-d${at}`,
      roles: ['data'],
      asked: 10,
      answered: 8,
      calledOff: 1,
      dataSteps: 10,
      last: 2,
      notIn: 3,
      percentiles: percentiles(),
      counts: [0, 4, 4],
    })),
  };
}

describe('the arrivals', () => {
  it('say how to get answers before the first one', async () => {
    renderDashboard(<ArrivalsPanel deployment={deployment(4, 1)} />, { api: () => ({ body: view(0) }) });
    expect(await screen.findByText('No answers yet. Start a load, or draw a digit.')).toBeTruthy();
  });

  it('show an error with what to do', async () => {
    renderDashboard(<ArrivalsPanel deployment={deployment(4, 1)} />, {
      api: () => apiError(503, 'The data plane does not answer.', 'Try again.'),
    });
    expect((await screen.findByRole('alert')).textContent).toBe('The data plane does not answer.Try again.');
  });

  it('are not requested for a deployment that is being prepared', () => {
    const { sent } = renderDashboard(<ArrivalsPanel deployment={deployment(4, 1, { state: 'preparing' })} />);
    expect(sent).toEqual([]);
  });

  it('show twelve of a hundred devices first, and all on demand', async () => {
    const devices = Array.from({ length: 100 }, (_, at) => device(`d${at}`));
    const { user } = renderDashboard(<ArrivalsPanel deployment={deployment(99, 1)} />, {
      live: { devices },
      api: () => ({ body: view(100) }),
    });
    const all = await screen.findByRole('button', { name: 'Show all 100' });
    expect(screen.getAllByRole('img')).toHaveLength(12);
    await user.click(all);
    expect(screen.getAllByRole('img')).toHaveLength(100);
    await user.click(screen.getByRole('button', { name: 'Show the first 12' }));
    expect(screen.getAllByRole('img')).toHaveLength(12);
  });
});
