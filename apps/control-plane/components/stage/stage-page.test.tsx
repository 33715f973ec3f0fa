// @vitest-environment happy-dom
import type { FaultReportView } from '@sparewheel/protocol';
import { act, screen } from '@testing-library/react';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { forgetAnswers } from '../duel/answer-store.ts';
import { fleetRows } from '../fleet/fleet-view.ts';
import { apiError, renderDashboard } from '../testing/render.tsx';
import { answerStatistics, deployment, device } from '../testing/view-fixtures.ts';
import { rememberStage } from './stage-memory.ts';
import { StagePage } from './stage-page.tsx';
import { assignKeys, pauseOf, type StageLane, stageDevices, stageNumbers, stageWheel } from './stage-view.ts';

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
  sessionStorage.clear();
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
      stageDevices(list, assignKeys([], list)).shown.map((each) => [each.key, each.device.name]);
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
    const { shown, others } = stageDevices(many, assignKeys([], many));
    expect([shown.length, others]).toEqual([9, 21]);
  });
});

describe('the keys of the stage', () => {
  const phone = (name: string, change = {}) =>
    device(name, { id: `phone-${name}`, supervised: false, platform: 'browser', ...change });
  const shownAs = (list: readonly ReturnType<typeof device>[], slots: ReturnType<typeof assignKeys>) =>
    stageDevices(list, slots).shown.map(({ key, label }) => `${key} ${label}`);

  it('stay when phones join, also for a phone of the same name', () => {
    const local = [device('local-1'), device('local-2')];
    const before = assignKeys([], local);
    const all = [phone('ann'), phone('local-1'), ...local];
    const slots = assignKeys(before, all);
    expect(shownAs(all, slots)).toEqual([
      '1 local-1 · linux x64',
      '2 local-2',
      '3 ann',
      '4 local-1 · browser',
    ]);
    // A stage that opens later also begins with the supervised devices.
    expect(assignKeys([], all)).toEqual(slots);
  });

  it('are free again when a phone leaves, but not when a device dies', () => {
    const names = Array.from({ length: 9 }, (_, at) => `p${at + 1}`);
    const all = names.map((name) => phone(name));
    const slots = assignKeys([], all);
    const left = all.map((each, at) => (at === 3 ? phone('p4', { state: 'lost', connected: false }) : each));
    expect(shownAs(left, assignKeys(slots, left))).toHaveLength(8);
    // It returns with its key.
    expect(assignKeys(assignKeys(slots, left), all)).toEqual(slots);
    const joined = [...left, phone('new')];
    expect(shownAs(joined, assignKeys(slots, joined))[3]).toBe('4 new');
    const dead = [device('d1', { state: 'dead' }), device('d2')];
    expect(shownAs(dead, assignKeys([], dead))).toEqual(['1 d1', '2 d2']);
  });
});

describe('the wheel of the stage', () => {
  const rowsOf = (list: readonly ReturnType<typeof device>[]) => fleetRows(list, coded, new Map());

  it('has only the seats of a large fleet', () => {
    expect(stageWheel(rowsOf(devices))).toMatchObject({ shown: { length: 6 }, others: 0 });
    const many = [...devices, ...Array.from({ length: 9 }, (_, at) => device(`phone-${at + 1}`))];
    const { shown, others } = stageWheel(rowsOf(many));
    expect([shown.map((row) => row.device.name), others]).toEqual([['d1', 'd2', 'd3', 'd4', 'p1'], 10]);
  });
});

describe('the numbers of the stage', () => {
  const statistics = answerStatistics({
    since: 1_000.4,
    answered: 900,
    histogram: [{ from: 3, to: 4, count: 900 }],
  });
  const lane = (change: Partial<StageLane> = {}): StageLane => ({
    statistics,
    lost: 0,
    waiting: 0,
    pauseMs: null,
    ...change,
  });
  const first = (change: Partial<StageLane>) => {
    const [{ label, value, note, tone } = {}] = stageNumbers(lane(change), lane());
    return [label, value, note, tone];
  };

  it('say the worst of each lane, also of a coded lane that waits', () => {
    expect(first({})).toEqual(['Coded: failed', '0', 'of 900', 'ok']);
    expect(first({ pauseMs: 12 })).toEqual(['Coded: longest pause', '12.0 ms', '0 failed of 900', 'ok']);
    expect(first({ pauseMs: 2_800 })).toEqual([
      'Coded: longest pause',
      '2.80 s',
      '0 failed of 900',
      'danger',
    ]);
    expect(first({ lost: 2, pauseMs: 12 })).toEqual(['Coded: failed', '2', 'of 900', 'danger']);
    expect(first({ waiting: 8, lost: 2 })).toEqual(['Coded: waiting', '8', 'requests', 'danger']);
    expect(first({ statistics: null })).toEqual(['Coded: failed', '–', 'no requests yet', 'quiet']);
  });

  it('mark a p99 that waiting requests will raise', () => {
    const stalled = { ...statistics, p99: 2_800, atLeast: ['p99'] as const };
    expect(stageNumbers(lane(), lane({ statistics: stalled }))[3]).toMatchObject({
      value: '≥ 2.80 s',
      note: 'p50 4.00 ms',
      tone: 'danger',
    });
  });

  it('take the pause from the last fault of a seat since the numbers count', () => {
    const report = (at: number, seated: boolean, longestSilenceMs: number | null) =>
      ({
        at: new Date(at).toISOString(),
        deployments: [{ deployment: 'lenet5', seated, longestSilenceMs }],
      }) as unknown as FaultReportView;
    expect(pauseOf([report(2_000, false, 900), report(1_000, true, 12)], statistics)).toBe(12);
    expect(pauseOf([report(900, true, 12)], statistics)).toBeNull();
    expect(pauseOf([report(1_000, true, null)], statistics)).toBeNull();
    expect(pauseOf([report(1_000, true, 12)], null)).toBeNull();
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

  it('ends a load that ran before on request, but not when it is left', async () => {
    const load = { ...coded.load, running: true } as NonNullable<typeof coded.load>;
    const { sent, user } = show({ deployments: [{ ...coded, load }] });
    await user.keyboard('{Escape}');
    expect(posted(sent)).toEqual([]);
    await user.keyboard('l');
    expect(posted(sent)).toEqual(['DELETE /api/deployments/lenet5/load']);
  });

  it('restores after a reload what was done before it, and keeps the keys', async () => {
    rememberStage({
      killed: ['id-d3'],
      loaded: 'lenet5',
      keys: [null, null, null, null, null, null, 'id-d10'],
    });
    const { sent, user } = show();
    expect(screen.getByRole('button', { name: 'Kill d10, key 7' })).toBeTruthy();
    await user.keyboard('{Escape}');
    expect(posted(sent)).toEqual(['POST /api/devices/id-d3/revive', 'DELETE /api/deployments/lenet5/load']);
    await user.keyboard('{Escape}');
    expect(posted(sent)).toHaveLength(2);
  });

  it('says that its deployment was deleted, and does not act on another one', async () => {
    const other = deployment(4, 1, { name: 'other' });
    const { sent, user, push } = show({ deployments: [coded, other] });
    push({ deployments: [other] });
    expect((await screen.findByRole('alert')).textContent).toContain('Deployment lenet5 does not exist.');
    await user.keyboard('l');
    expect(posted(sent)).toEqual([]);
    await user.click(screen.getByRole('button', { name: 'Continue with other' }));
    await user.keyboard('l');
    expect(posted(sent)).toEqual(['POST /api/deployments/other/load']);
  });

  it('does not undo what the server refused', async () => {
    const { sent, user } = renderDashboard(<StagePage />, {
      live: { devices, deployments: [coded] },
      api: ({ method, path }) =>
        method === 'POST'
          ? apiError(409, 'A load is running.', 'Stop it.')
          : {
              body: path === '/api/join/addresses' ? { host: '127.0.0.1', addresses: [] } : { token: 'join' },
            },
    });
    await user.keyboard('l');
    await user.keyboard('2');
    await user.keyboard('{Escape}');
    expect(posted(sent)).toEqual(['POST /api/deployments/lenet5/load', 'POST /api/devices/id-d2/faults']);
  });

  it('undoes what the server accepts after it was left', async () => {
    let accept = (): void => {};
    const accepted = new Promise<void>((resolve) => {
      accept = resolve;
    });
    const { sent, user } = renderDashboard(<StagePage />, {
      live: { devices, deployments: [coded] },
      api: async ({ method, path }) => {
        if (method === 'POST' && !path.endsWith('/revive')) await accepted;
        return {
          body: path === '/api/join/addresses' ? { host: '127.0.0.1', addresses: [] } : { token: 'join' },
        };
      },
    });
    await user.keyboard('l6{Escape}');
    expect(posted(sent)).toHaveLength(2);
    accept();
    await vi.waitFor(() => expect(posted(sent)).toHaveLength(4));
    expect(posted(sent).slice(2).sort()).toEqual([
      'DELETE /api/deployments/lenet5/load',
      'POST /api/devices/id-p1/revive',
    ]);
  });

  it('warns that the next kill is not covered', () => {
    const seats = coded.progress.seats.map((seat) =>
      seat.seat === 0 ? { ...seat, state: 'down' as const } : seat,
    );
    const policy = { ...coded.policy, rescue: 'off' as const };
    const short = { ...coded, policy, state: 'degraded' as const, progress: { ...coded.progress, seats } };
    show({ deployments: [short], devices: devices.filter(({ name }) => name !== 'd1' && name !== 'd10') });
    expect(screen.getByTestId('cover-note').textContent).toBe(
      'No standby is left: the next kill is not covered.',
    );
    expect(screen.getByText('survived a failed device')).toBeTruthy();
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

  it('shows the line reader, whose field takes the keys until Enter', async () => {
    const reader = {
      ...coded,
      inputs: [{ name: 'x', type: 'float32' as const, dims: [1, 3, 48, 480] }],
      outputs: ['characters', 'confidence'].map((name) => ({
        name,
        type: 'float32' as const,
        dims: [1, 60],
      })),
    };
    const { sent, user } = show({ deployments: [reader] });
    const field = screen.getByRole('textbox', { name: /^Line of text/ }) as HTMLInputElement;
    expect(screen.getByTestId('stage-line-text').textContent).toBe('?');
    await user.clear(field);
    await user.type(field, 'f1 l2');
    expect([field.value, posted(sent)]).toEqual(['f1 l2', []]);
    await user.keyboard('{Enter}5');
    expect([field.value, posted(sent)]).toEqual(['f1 l2', ['POST /api/devices/id-d10/faults']]);
  });

  it('has no line reader for other models', () => {
    show();
    expect(screen.queryByTestId('stage-line-text')).toBeNull();
  });

  it('without a twin, with long names, and without a duel still shows everything else', () => {
    const name = 'raspberry-pi-in-the-cupboard-behind-the-second-door';
    const whole = deployment(1, 1, { runsWhole: 'It runs whole.' });
    show({ deployments: [whole], devices: [device(name)] });
    expect(screen.getByText(/runs undivided on one device/)).toBeTruthy();
    expect(screen.getByRole('button', { name: `Kill ${name}, key 1` })).toBeTruthy();
  });
});
