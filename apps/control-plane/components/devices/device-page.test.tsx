// @vitest-environment happy-dom
import { screen, within } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import { renderDashboard } from '../testing/render.tsx';
import { deployment, device } from '../testing/view-fixtures.ts';
import { DevicePage } from './device-page.tsx';

const NO_EVENTS = () => ({ body: [] });
const card = (name: string) => within(screen.getByRole('region', { name }));

describe('the page of a device', () => {
  it('reports an unknown device and links to all devices', () => {
    renderDashboard(<DevicePage id="nope" />);
    expect(screen.getByText('No device has this identity.')).toBeTruthy();
    expect(screen.getByRole('link', { name: 'See all devices' }).getAttribute('href')).toBe('/devices');
  });

  it('says that a device without shards is on standby', async () => {
    renderDashboard(<DevicePage id="id-a" />, { live: { devices: [device('a')] }, api: NO_EVENTS });
    expect(card('Shards').getByText(/^On standby/)).toBeTruthy();
    expect(card('Faults').getByText('No active faults')).toBeTruthy();
    expect(await screen.findByText('No events of this device yet')).toBeTruthy();
  });

  it('shows why a device is in quarantine, and does not call it standby', () => {
    const reason = 'its answer to step s0 was wrong';
    renderDashboard(<DevicePage id="id-a" />, {
      live: {
        devices: [
          device('a', {
            state: 'quarantined',
            reason,
            faults: [{ kind: 'corrupt', amount: 5, probability: 1 }],
          }),
        ],
      },
      api: NO_EVENTS,
    });
    expect(screen.getByTestId('device-state').textContent).toBe('In quarantine');
    expect(screen.getByText(new RegExp(reason))).toBeTruthy();
    expect(screen.getByRole('button', { name: /^Release a/ })).toBeTruthy();
    expect(card('Shards').getByText('No shards')).toBeTruthy();
    expect(card('Faults').getByText('corrupt by 5')).toBeTruthy();
  });

  it('offers no faults for a device that does not run', () => {
    renderDashboard(<DevicePage id="id-a" />, {
      live: { devices: [device('a', { state: 'dead' })] },
      api: NO_EVENTS,
    });
    expect(card('Faults').getByRole('status').textContent).toBe('a does not run. Revive it first.');
    expect(card('Faults').getByRole('button', { name: 'Delay 50 ms' }).hasAttribute('disabled')).toBe(true);
  });

  it('links to each deployment of the device, with its shard', () => {
    const long = 'a-deployment-with-a-very-long-name-for-the-cameras';
    const seats = [
      { deployment: long, seat: 4, role: 'parity', state: 'ready' },
      { deployment: 'lenet5', seat: 0, role: 'data', state: 'down' },
    ] as const;
    renderDashboard(<DevicePage id="id-d1" />, {
      live: { devices: [device('d1', { seats: [...seats] })], deployments: [deployment(4, 1)] },
      api: NO_EVENTS,
    });
    const rows = card('Shards').getAllByRole('listitem');
    expect(rows.map((row) => row.textContent)).toEqual([
      `${long}parityshard 4ready`,
      'lenet5datashard 0not serving',
    ]);
    expect(card('Shards').getByRole('link', { name: long }).getAttribute('href')).toBe(
      `/?deployment=${long}`,
    );
  });
});
