// @vitest-environment happy-dom
import { screen } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import { apiError, renderDashboard } from '../testing/render.tsx';
import { deployment } from '../testing/view-fixtures.ts';
import { EmulatedBadge } from './emulated-badge.tsx';
import { NetworkPanel } from './network-panel.tsx';

const straggler = {
  preset: 'straggler' as const,
  devices: [{ device: 'id-d1', name: 'd1', state: 'applied' as const, reason: null }],
};

describe('the network panel', () => {
  it('chooses a preset with one click', async () => {
    const { sent, user } = renderDashboard(<NetworkPanel deployment={deployment(4, 1)} />, {
      api: () => ({ status: 202, body: straggler }),
    });
    expect(screen.getByRole('button', { name: 'Off' }).getAttribute('aria-pressed')).toBe('true');
    await user.click(screen.getByRole('button', { name: 'One straggler' }));
    expect(sent).toEqual([
      { method: 'PUT', path: '/api/deployments/lenet5/network', body: { preset: 'straggler' } },
    ]);
  });

  it('shows the active preset, its assumption and its reach', () => {
    renderDashboard(<NetworkPanel deployment={deployment(4, 1, { network: straggler })} />);
    expect(screen.getByRole('button', { name: 'One straggler' }).getAttribute('aria-pressed')).toBe('true');
    expect(screen.getByTestId('preset-status').textContent).toContain('100 ms later');
    expect(screen.getByTestId('preset-status').textContent).toContain('Emulated on 1 device.');
  });

  it('shows why the server refused', async () => {
    const { user } = renderDashboard(<NetworkPanel deployment={deployment(4, 1)} />, {
      api: () => apiError(409, 'The deployment is being set up.', 'Wait.'),
    });
    await user.click(screen.getByRole('button', { name: 'Pi 3 compute' }));
    expect(await screen.findByText(/being set up/)).toBeTruthy();
  });

  it('has no place for a deployment without devices', () => {
    const local = deployment(4, 1, { progress: { fraction: 1, phase: 'done', seats: [] } });
    renderDashboard(<NetworkPanel deployment={local} />);
    expect(screen.queryByRole('button')).toBeNull();
  });
});

it('labels what an emulated network affects', () => {
  renderDashboard(<EmulatedBadge deployment={{ network: straggler }} />);
  expect(screen.getByTestId('emulated').textContent).toBe('One straggler, emulated');
});
