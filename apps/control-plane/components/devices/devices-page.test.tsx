// @vitest-environment happy-dom
import { screen, waitFor } from '@testing-library/react';
import { expect, it } from 'vitest';
import { renderDashboard } from '../testing/render.tsx';
import { device } from '../testing/view-fixtures.ts';
import { DevicesPage } from './devices-page.tsx';

it('forgets all departed devices at once, but none that can be revived', async () => {
  const departed = (name: string) => device(name, { state: 'lost', supervised: false });
  const devices = [device('a'), departed('b'), departed('c'), device('d', { state: 'dead' })];
  const { user, sent } = renderDashboard(<DevicesPage />, {
    live: { devices },
    api: () => ({ status: 200, body: null }),
  });
  await user.click(screen.getByRole('button', { name: 'Forget 2 departed devices' }));
  expect(sent).toEqual([]);
  await user.click(screen.getByRole('button', { name: 'Forget 2 devices' }));
  await waitFor(() => expect(sent).toHaveLength(2));
  expect(sent.map(({ method, path }) => `${method} ${path}`)).toEqual([
    'DELETE /api/devices/id-b',
    'DELETE /api/devices/id-c',
  ]);
});
