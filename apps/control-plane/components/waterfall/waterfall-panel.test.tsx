// @vitest-environment happy-dom
import { ApiError } from '@sparewheel/protocol';
import { cleanup, screen, within } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import { renderDashboard } from '../testing/render.tsx';
import { codedTrace, deployment, device } from '../testing/view-fixtures.ts';
import { WaterfallPanel } from './waterfall-panel.tsx';

const two = deployment(2, 1);
const LONG = 'raspberry-pi-in-the-kitchen-behind-the-coffee-machine';
const devices = ['d0', 'd1', 'd2'].map((id) => device(id, { id, name: id === 'd0' ? LONG : id }));

describe('the waterfall of one request', () => {
  it('says how to get a request before the first one', () => {
    renderDashboard(<WaterfallPanel deployment={two} traces={[]} error={null} />);
    expect(screen.getByText('No requests yet. Start a load or draw a digit.')).toBeTruthy();
    expect(screen.getByRole('button', { name: 'Hold this request' }).hasAttribute('disabled')).toBe(true);
  });

  it('shows an error with what to do, unless there is an older request', () => {
    const error = new ApiError(503, 'no-data-plane', 'The data plane does not answer.', 'Try again.');
    renderDashboard(<WaterfallPanel deployment={two} traces={[]} error={error} />);
    expect(screen.getByRole('alert').textContent).toBe('The data plane does not answer.Try again.');
    cleanup();
    renderDashboard(<WaterfallPanel deployment={two} traces={[codedTrace([1, 2, 9])]} error={error} />);
    expect(screen.queryByRole('alert')).toBeNull();
    expect(screen.getByRole('list', { name: 'Lanes' })).toBeTruthy();
  });

  it('says how to see a recovered request when there is none', async () => {
    const { user } = renderDashboard(
      <WaterfallPanel deployment={two} traces={[codedTrace([1, 2, 9])]} error={null} />,
      { live: { devices } },
    );
    await user.click(screen.getByRole('radio', { name: 'Recovered' }));
    expect(screen.getByText(/^None of the last requests needed parity\./)).toBeTruthy();
  });

  it('has one lane per device, with the full name and the result of each answer', () => {
    renderDashboard(<WaterfallPanel deployment={two} traces={[codedTrace([4, 60, 5])]} error={null} />, {
      live: { devices },
    });
    const lanes = within(screen.getByRole('list', { name: 'Lanes' })).getAllByRole('listitem');
    expect(lanes).toHaveLength(4);
    expect(within(lanes[1]!).getByText(LONG).title).toBe(`${LONG}, data 0`);
    expect(within(lanes[3]!).getByText('parity 2')).toBeTruthy();
    expect(lanes[2]!.textContent).toContain('recovered from parity; the answer came late, after 60.0 ms');
    expect(screen.getByText('5.00 ms, 1 step, 1 shard recovered, 1 answer late')).toBeTruthy();
  });

  it('draws a request over a hundred devices', () => {
    const shards = Array.from({ length: 100 }, (_, shard) => ({
      shard,
      device: `d${shard}`,
      sentAt: 1_000,
      answeredAt: 1_000 + shard,
      status: 'used' as const,
    }));
    const trace = codedTrace([1, 2, 3]);
    const wide = { ...trace, steps: [{ ...trace.steps[0]!, shards }] };
    renderDashboard(<WaterfallPanel deployment={deployment(99, 1)} traces={[wide]} error={null} />);
    expect(within(screen.getByRole('list', { name: 'Lanes' })).getAllByRole('listitem')).toHaveLength(101);
  });
});
