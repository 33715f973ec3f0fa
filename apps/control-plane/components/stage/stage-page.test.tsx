// @vitest-environment happy-dom
import { act, screen } from '@testing-library/react';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { forgetAnswers } from '../duel/answer-store.ts';
import { renderDashboard } from '../testing/render.tsx';
import { deployment, device } from '../testing/view-fixtures.ts';
import { StagePage } from './stage-page.tsx';
import { stageDevices } from './stage-view.ts';

const router = { push: vi.fn() };
vi.mock('next/navigation', () => ({
  useRouter: () => router,
  usePathname: () => '/stage',
  useSearchParams: () => new URLSearchParams(),
}));

const devices = ['d10', 'd2', 'd1', 'd3', 'd4', 'p1'].map((name) => device(name));
const coded = deployment(4, 1);

beforeEach(() => {
  router.push.mockClear();
  forgetAnswers();
});

function show(change = {}) {
  return renderDashboard(<StagePage />, {
    live: { devices, deployments: [coded], ...change },
    api: ({ path }) => ({
      body: path === '/api/join/addresses' ? { host: '127.0.0.1', addresses: [] } : { token: 'join' },
    }),
  });
}

const posted = (sent: ReturnType<typeof show>['sent']) =>
  sent.flatMap(({ method, path }) => (method === 'GET' ? [] : [`${method} ${path}`]));

describe('the devices of the stage', () => {
  it('keep their keys while devices die: they are sorted by name', () => {
    const order = (list: typeof devices) =>
      stageDevices(list).shown.map((each) => [each.key, each.device.name]);
    const before = order(devices);
    expect(before).toEqual([
      ['1', 'd1'],
      ['2', 'd2'],
      ['3', 'd3'],
      ['4', 'd4'],
      ['5', 'd10'],
      ['6', 'p1'],
    ]);
    expect(order(devices.map((each) => ({ ...each, state: 'dead' as const })))).toEqual(before);
  });

  it('are nine at most', () => {
    const many = Array.from({ length: 30 }, (_, at) => device(`phone-${at + 1}`));
    const { shown, others } = stageDevices(many);
    expect([shown.length, others]).toEqual([9, 21]);
  });
});

describe('the stage', () => {
  it('kills the device of a key, and undoes everything on Escape', async () => {
    const { sent, user } = show();
    await user.keyboard('l');
    await user.keyboard('3');
    expect(posted(sent)).toEqual(['POST /api/deployments/lenet5/load', 'POST /api/devices/id-d3/faults']);
    await user.keyboard('{Escape}');
    expect(posted(sent).slice(2)).toEqual([
      'POST /api/devices/id-d3/revive',
      'DELETE /api/deployments/lenet5/load',
    ]);
    expect(router.push).toHaveBeenCalledWith('/?deployment=lenet5');
  });

  it('revives a dead device with the same key, and leaves with f', async () => {
    const { sent, user } = show({
      devices: devices.map((each) => (each.name === 'd4' ? { ...each, state: 'dead' } : each)),
    });
    expect(screen.getByRole('button', { name: 'Revive d4, key 4' })).toBeTruthy();
    await user.keyboard('4');
    expect(posted(sent)).toEqual(['POST /api/devices/id-d4/revive']);
    await user.keyboard('f');
    // The device was dead before the stage, so the stage has nothing to restore.
    expect(posted(sent)).toHaveLength(1);
    expect(router.push).toHaveBeenCalledOnce();
  });

  it('does not stop a load that ran before', async () => {
    const load = { ...coded.load, running: true } as NonNullable<typeof coded.load>;
    const { sent, user } = show({ deployments: [{ ...coded, load }] });
    expect(screen.getByRole('button', { name: 'End load' }).hasAttribute('disabled')).toBe(true);
    await user.keyboard('l');
    await user.keyboard('{Escape}');
    expect(posted(sent)).toEqual([]);
  });

  it('kills once for a key that is held down', async () => {
    const { sent } = show();
    act(() => {
      for (const repeat of [false, true, true]) {
        window.dispatchEvent(new KeyboardEvent('keydown', { key: '1', repeat }));
      }
    });
    expect(posted(sent)).toEqual(['POST /api/devices/id-d1/faults']);
  });

  it('without a twin, with long names, and without a duel still shows everything else', () => {
    const name = 'raspberry-pi-in-the-cupboard-behind-the-second-door';
    const whole = deployment(1, 1, { runsWhole: 'It runs whole.' });
    show({ deployments: [whole], devices: [device(name)] });
    expect(screen.getByText(/runs undivided on one device/)).toBeTruthy();
    expect(screen.getByRole('button', { name: `Kill ${name}, key 1` })).toBeTruthy();
  });
});
