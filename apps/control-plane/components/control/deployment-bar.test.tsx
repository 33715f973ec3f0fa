// @vitest-environment happy-dom
import { screen, waitFor, within } from '@testing-library/react';
import { Toaster } from 'sonner';
import { describe, expect, it, vi } from 'vitest';
import { apiError, renderDashboard } from '../testing/render.tsx';
import { deployment, device, seat } from '../testing/view-fixtures.ts';
import { DeploymentBar } from './deployment-bar.tsx';

const devices = ['d1', 'd2', 'd3', 'd4', 'p1'].map((name) => device(name));
const noSelect = () => {};

describe('the deployment bar', () => {
  it('says how to deploy a model without deployments', () => {
    renderDashboard(<DeploymentBar selected={null} onSelect={noSelect} />);
    const note = screen.getByRole('note');
    expect(note.textContent).toContain('No deployment yet');
    expect(within(note).getByRole('link', { name: 'Deploy a model' }).getAttribute('href')).toBe('#deploy');
  });

  it('shows the reason of a failed deployment', () => {
    const failed = deployment(4, 1, {
      state: 'failed',
      reason: 'The model needs 4 GB, but the devices have 1 GB.',
    });
    renderDashboard(<DeploymentBar selected={failed} onSelect={noSelect} />, {
      live: { deployments: [failed], devices },
    });
    expect(screen.getByTestId('deployment-lenet5').textContent).toBe('lenet5Failed');
    expect(screen.getByText(/The model needs 4 GB, but the devices have 1 GB\.$/)).toBeTruthy();
  });

  it('shows the progress of each shard, and can cancel', async () => {
    const sending = deployment(1, 1, {
      state: 'distributing',
      progress: {
        fraction: 0.75,
        phase: 'distributing',
        seats: [
          seat(0, 'data', 'd1'),
          seat(1, 'parity', 'p1', { state: 'installing', device: null, deviceName: null, sentBytes: 50 }),
        ],
      },
    });
    const { user, sent } = renderDashboard(<DeploymentBar selected={sending} onSelect={noSelect} />, {
      live: { deployments: [sending], devices },
      api: () => apiError(409, 'The deployment is being deleted.', 'Wait for it.'),
    });
    const progress = within(screen.getByTestId('progress-lenet5'));
    expect(progress.getByText('75 %')).toBeTruthy();
    expect(progress.getByText('shard 1, no device yet')).toBeTruthy();
    expect(progress.getByText('50 B of 100 B')).toBeTruthy();
    await user.click(progress.getByRole('button', { name: 'Cancel the deployment' }));
    expect((await progress.findByRole('alert')).textContent).toBe(
      'The deployment is being deleted.Wait for it.',
    );
    expect(sent).toEqual([{ method: 'DELETE', path: '/api/deployments/lenet5', body: undefined }]);
  });

  it('says that no standby is left, although a dead device has no seat', () => {
    const ready = deployment(4, 1, { objective: 'devices-only' });
    renderDashboard(<DeploymentBar selected={ready} onSelect={noSelect} />, {
      live: { deployments: [ready], devices: [...devices, device('x', { state: 'dead' })] },
    });
    const facts = within(screen.getByTestId('deployment-facts'));
    expect(facts.getByText('4 + 1 coded · devices only · coverage 100 %')).toBeTruthy();
    expect(facts.getByText('All seats answer; no standby is left.')).toBeTruthy();
  });

  it('says that nothing is distributed, and how fast that is', () => {
    const whole = deployment(4, 1, {
      coverage: null,
      runsWhole: 'Runs whole on the data plane: distributed it would be 3.0 × slower',
      predictions: {
        plan: { ms: 1.2, megabytes: 0 },
        device: { ms: 4.5, megabytes: 0.01 },
        dataPlane: { ms: 1.2, megabytes: 0 },
      },
      progress: { fraction: 1, phase: 'done', seats: [] },
    });
    renderDashboard(<DeploymentBar selected={whole} onSelect={noSelect} />, {
      live: { deployments: [whole], devices },
    });
    const lines = [...screen.getByTestId('deployment-facts').children].map(({ textContent }) => textContent);
    expect(lines).toEqual([
      'Nothing is distributed · lowest latency',
      'predicted 1.20 ms · one device alone 4.50 ms · data plane alone 1.20 ms',
      'Runs whole on the data plane: distributed it would be 3.0 × slower',
    ]);
  });

  it('selects one of many deployments, also with a long name', async () => {
    const long = 'a-deployment-of-the-large-vision-model-for-the-cameras-at-the-entrance';
    const all = [
      ...Array.from({ length: 30 }, (_, at) => deployment(4, 1, { name: `net-${at}` })),
      deployment(4, 1, { name: long }),
    ];
    const onSelect = vi.fn();
    const { user } = renderDashboard(<DeploymentBar selected={all[0]!} onSelect={onSelect} />, {
      live: { deployments: all, devices },
    });
    const tabs = within(screen.getByRole('navigation', { name: 'Deployments' }));
    expect(tabs.getAllByTestId(/^deployment-/)).toHaveLength(31);
    expect(tabs.getByTestId('deployment-net-0').getAttribute('aria-pressed')).toBe('true');
    const tab = tabs.getByTestId(`deployment-${long}`);
    expect(tab.title).toBe(long);
    await user.click(tab);
    expect(onSelect).toHaveBeenCalledWith(long);
  });

  it('asks before it deletes a deployment, and reports an error', async () => {
    const ready = deployment(4, 1);
    const { user, sent } = renderDashboard(
      <>
        <DeploymentBar selected={ready} onSelect={noSelect} />
        <Toaster />
      </>,
      {
        live: { deployments: [ready], devices },
        api: () => apiError(503, 'The data plane does not answer.', 'Try again.'),
      },
    );
    const open = async () => {
      await user.click(screen.getByRole('button', { name: 'Actions for deployment lenet5' }));
      await user.click(await screen.findByRole('menuitem', { name: /Delete lenet5/ }));
      return within(await screen.findByRole('alertdialog'));
    };
    const first = await open();
    expect(first.getByText(/its 5 devices become free/)).toBeTruthy();
    await user.click(first.getByRole('button', { name: 'Cancel' }));
    expect(sent).toEqual([]);
    await user.click((await open()).getByRole('button', { name: 'Delete lenet5' }));
    await waitFor(() => expect(sent).toHaveLength(1));
    expect(await screen.findByText('The data plane does not answer.')).toBeTruthy();
  });
});
