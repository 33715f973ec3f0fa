// @vitest-environment happy-dom
import type { ModelView, ZooModelView } from '@sparewheel/protocol';
import { screen, waitFor } from '@testing-library/react';
import { describe, expect, it, vi } from 'vitest';
import { apiError, renderDashboard } from '../testing/render.tsx';
import { ZooPicker } from './zoo-picker.tsx';

const push = vi.hoisted(() => vi.fn());
vi.mock('next/navigation', () => ({ useRouter: () => ({ push }) }));

const network: ZooModelView = {
  name: 'vgg16',
  title: 'VGG-16',
  description: 'Large.',
  trained: false,
  parameters: 1_000,
  origin: null,
};
const model = { name: 'vgg16', sha256: '0'.repeat(64), layers: [] } as unknown as ModelView;

describe('the zoo', () => {
  it('opens a network that was added before, instead of adding a copy', async () => {
    const { user, sent } = renderDashboard(<ZooPicker />, {
      live: { models: [model] },
      api: ({ method }) => (method === 'GET' ? { body: [network] } : { body: model }),
    });
    await user.click(await screen.findByRole('button', { name: 'Open VGG-16' }));
    await waitFor(() => expect(push).toHaveBeenCalledWith('/models/vgg16'));
    expect(sent.filter(({ method }) => method === 'POST').map(({ path }) => path)).toEqual([
      '/api/zoo/vgg16',
    ]);
  });

  it('says that another model has the name', async () => {
    const { user } = renderDashboard(<ZooPicker />, {
      api: ({ method }) =>
        method === 'GET'
          ? { body: [network] }
          : apiError(409, 'There is already another model named "vgg16".', 'Delete that model first.'),
    });
    await user.click(await screen.findByRole('button', { name: 'Add VGG-16' }));
    expect((await screen.findByRole('alert')).textContent).toContain('already another model named');
  });
});
