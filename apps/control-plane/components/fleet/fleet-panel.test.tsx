// @vitest-environment happy-dom
import { act, fireEvent, screen, within } from '@testing-library/react';
import { describe, expect, it, vi } from 'vitest';
import { writeLive } from '../live-connection/live-queries.ts';
import { apiError, renderDashboard } from '../testing/render.tsx';
import { deployment, device, seat } from '../testing/view-fixtures.ts';
import { FleetPanel } from './fleet-panel.tsx';

const SEATED = ['d1', 'd2', 'd3', 'd4', 'p1'];
const fleet = (names: readonly string[], dead: readonly string[] = []) =>
  names.map((name) => device(name, { state: dead.includes(name) ? 'dead' : 'ready' }));

describe('the fleet panel', () => {
  it('shows the join command without devices', () => {
    renderDashboard(<FleetPanel deployment={null} />, { live: { inferenceUrl: 'http://127.0.0.1:3001/v2' } });
    expect(screen.getByText('No devices yet')).toBeTruthy();
    expect(screen.getByTestId('join-command').textContent).toBe(
      'npm run agent -- --url http://127.0.0.1:3001 --token JOIN_TOKEN',
    );
    const install = `curl -fsSL ${window.location.origin}/join/install.sh | sh -s -- JOIN_TOKEN`;
    expect(screen.getByTestId('install-command').textContent).toBe(install);
    expect(screen.queryByTestId('install-qr')).toBeNull();
    fireEvent.click(screen.getByRole('button', { name: 'Show the installation as a QR code' }));
    expect(screen.getByTestId('install-qr').dataset.text).toBe(install);
    expect(screen.queryByRole('list', { name: 'Devices' })).toBeNull();
  });

  it('numbers shards from 0 and says how a dead device is replaced', () => {
    renderDashboard(<FleetPanel deployment={deployment(4, 1)} />, {
      live: { devices: fleet([...SEATED, 'x'], ['d3']) },
    });
    expect(screen.getByTestId('device-d1').textContent).toContain('Data 0');
    expect(screen.getByTestId('device-p1').textContent).toContain('Parity 4');
    expect(screen.getByTestId('device-x').textContent).toContain('Standby');
    expect(screen.getByTestId('device-d3').textContent).toContain('Dead · recovered by parity p1');
    expect(screen.getByText('6 devices, 1 not serving')).toBeTruthy();
    expect(screen.getByRole('img').getAttribute('aria-label')).toContain('d3 recovered by parity p1');
  });

  it('shows only the devices with a shard of a hundred, and links to all', () => {
    const names = [...SEATED, ...Array.from({ length: 95 }, (_, index) => `x${index}`)];
    renderDashboard(<FleetPanel deployment={deployment(4, 1)} />, {
      live: { devices: fleet(names, ['x7']) },
    });
    const rows = within(screen.getByRole('list', { name: 'Devices' }));
    expect(rows.getAllByTestId(/^device-/)).toHaveLength(6);
    expect(rows.getByTestId('device-x7').textContent).toContain('Dead');
    expect(rows.getByText(/^94 more devices have no shard of this deployment/)).toBeTruthy();
    expect(rows.getByRole('link', { name: 'See all 100 devices' }).getAttribute('href')).toBe('/devices');
  });

  it('shows a long name in full in the row, and shortened in the wheel', () => {
    const name = 'raspberry-pi-in-the-kitchen-behind-the-coffee-machine';
    renderDashboard(<FleetPanel deployment={null} />, { live: { devices: fleet([name, 'b']) } });
    expect(screen.getByRole('link', { name })).toBeTruthy();
    const wheel = screen.getByRole('img');
    expect(within(wheel).queryByText(name)).toBeNull();
    expect(within(wheel).getByText('raspberry-pi-…')).toBeTruthy();
  });

  it('shows the error of an action at its device', async () => {
    const { user, sent } = renderDashboard(<FleetPanel deployment={deployment(4, 1)} />, {
      live: { devices: fleet(SEATED) },
      api: () => apiError(409, 'The device has left.', 'Reload the page.'),
    });
    await user.click(screen.getByRole('button', { name: /^Kill d2/ }));
    const row = within(screen.getByTestId('device-d2'));
    expect((await row.findByRole('alert')).textContent).toBe('The device has left. Reload the page.');
    expect(sent).toEqual([{ method: 'POST', path: '/api/devices/id-d2/faults', body: { kind: 'kill' } }]);
    expect(within(screen.getByTestId('device-d1')).queryByRole('alert')).toBeNull();
  });

  it('shows an action as pending until the device changes', async () => {
    const { user } = renderDashboard(<FleetPanel deployment={deployment(4, 1)} />, {
      live: { devices: fleet(SEATED) },
      api: () => ({ status: 202, body: {} }),
    });
    const kill = screen.getByRole('button', { name: /^Kill d1/ });
    await user.click(kill);
    expect(kill.textContent).toBe('Killing');
    expect(kill.hasAttribute('disabled')).toBe(true);
  });

  it('does not kill a device on a second press after a revive', async () => {
    vi.useFakeTimers();
    try {
      const { client, sent } = renderDashboard(<FleetPanel deployment={deployment(4, 1)} />, {
        live: { devices: fleet(SEATED, ['d1']) },
        api: () => ({ status: 202, body: {} }),
      });
      const button = (name: RegExp) => screen.getByRole('button', { name });
      fireEvent.click(button(/^Revive d1/));
      await act(async () => {
        writeLive(client, 'devices', fleet(SEATED));
        await vi.advanceTimersByTimeAsync(2_900);
      });
      fireEvent.click(button(/^Kill d1/));
      expect(button(/^Kill d1/).hasAttribute('disabled')).toBe(true);
      expect(sent.map(({ path }) => path)).toEqual(['/api/devices/id-d1/revive']);
      await act(() => vi.advanceTimersByTimeAsync(200));
      fireEvent.click(button(/^Kill d1/));
      expect(sent.map(({ path }) => path)).toEqual([
        '/api/devices/id-d1/revive',
        '/api/devices/id-d1/faults',
      ]);
    } finally {
      vi.useRealTimers();
    }
  });

  it('releases a device from quarantine', async () => {
    const { user, sent } = renderDashboard(<FleetPanel deployment={deployment(4, 1)} />, {
      live: {
        devices: [
          ...fleet(SEATED.slice(1)),
          device('d1', { state: 'quarantined', reason: 'its answer to step s0 was wrong' }),
        ],
      },
      api: () => ({ status: 202, body: {} }),
    });
    expect(screen.getByTestId('device-d1').textContent).toContain('In quarantine');
    await user.click(screen.getByRole('button', { name: /^Release d1/ }));
    expect(sent).toEqual([{ method: 'POST', path: '/api/devices/id-d1/release', body: undefined }]);
  });

  it('forgets a departed device after a confirmation', async () => {
    const departed = device('d1', { state: 'lost', supervised: false });
    const { user, sent } = renderDashboard(<FleetPanel deployment={deployment(4, 1)} />, {
      live: { devices: [...fleet(SEATED.slice(1)), departed] },
      api: () => ({ status: 204 }),
    });
    await user.click(screen.getByRole('button', { name: /^Forget d1/ }));
    const question = within(await screen.findByRole('alertdialog'));
    await user.click(question.getByRole('button', { name: 'Cancel' }));
    expect(sent).toEqual([]);
    await user.click(screen.getByRole('button', { name: /^Forget d1/ }));
    await user.click(screen.getByRole('button', { name: 'Forget d1' }));
    expect(sent).toEqual([{ method: 'DELETE', path: '/api/devices/id-d1', body: undefined }]);
  });

  it('keeps every row at its place after a kill and a takeover', () => {
    const healthy = deployment(4, 1);
    const names = () => screen.getAllByTestId(/^device-/).map(({ dataset }) => dataset.testid);
    const { client, rerender } = renderDashboard(<FleetPanel deployment={healthy} />, {
      live: { devices: fleet([...SEATED, 'x']) },
    });
    const before = names();
    const seats = healthy.progress.seats.map((old) => (old.seat === 1 ? seat(1, 'data', 'x') : old));
    act(() => writeLive(client, 'devices', fleet([...SEATED, 'x'], ['d2'])));
    rerender(<FleetPanel deployment={{ ...healthy, progress: { ...healthy.progress, seats } }} />);
    expect(screen.getByTestId('device-x').textContent).toContain('Data 1');
    expect(screen.getByTestId('device-d2').textContent).toContain('Dead');
    expect(names()).toEqual(before);
  });

  it('calls devices “not used” by a deployment that runs on the data plane', () => {
    const whole = deployment(4, 1, {
      coverage: null,
      runsWhole: 'Runs whole on the data plane',
      progress: { fraction: 1, phase: 'done', seats: [] },
    });
    renderDashboard(<FleetPanel deployment={whole} />, { live: { devices: fleet(['d1']) } });
    expect(screen.getByTestId('device-d1').textContent).toContain('Not used');
    expect(screen.getByRole('button', { name: /^Kill d1.*lenet5 does not use this device/ })).toBeTruthy();
  });
});
