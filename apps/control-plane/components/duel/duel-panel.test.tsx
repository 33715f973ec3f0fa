// @vitest-environment happy-dom
import type { AnswerUpdate, FaultReportView } from '@sparewheel/protocol';
import { act, cleanup, screen, waitFor } from '@testing-library/react';
import { Profiler } from 'react';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { apiError, type FakeApi, renderDashboard } from '../testing/render.tsx';
import { answerStatistics, deployment, device } from '../testing/view-fixtures.ts';
import { forgetAnswers, receiveAnswers } from './answer-store.ts';
import { DuelPanel } from './duel-panel.tsx';

vi.mock('next/link', () => ({ default: (props: object) => <a {...props} /> }));
vi.mock('next/navigation', () => ({ useRouter: () => ({ push: () => {} }) }));

const connection = vi.hoisted(() => ({
  state: { connection: 'live', silentSince: null as number | null },
  listeners: new Set<() => void>(),
  become(connection: string, silentSince: number | null) {
    this.state = { connection, silentSince };
    for (const listener of this.listeners) listener();
  },
}));
vi.mock('../live-connection/live-connection.ts', async () => {
  const { useSyncExternalStore } = await import('react');
  const use = <Key extends 'connection' | 'silentSince'>(key: Key) =>
    useSyncExternalStore(
      (listener) => {
        connection.listeners.add(listener);
        return () => connection.listeners.delete(listener);
      },
      () => connection.state[key],
    );
  return { useConnection: () => use('connection'), useSilentSince: () => use('silentSince') };
});

const coded = deployment(4, 1, { twin: 'lenet5-uncoded' });
const twin = deployment(4, 0, { name: 'lenet5-uncoded', strategy: 'uncoded', mirrorOf: 'lenet5' });
const OUTAGE = {
  phase: 'redistributing',
  since: '2026-01-01T00:00:00.000Z',
  phaseSince: '2026-01-01T00:00:01.000Z',
  device: 'id-d3',
  deviceName: 'd3',
  seat: 2,
  to: 'id-d1',
  toName: 'd1',
  waiting: 8,
} as const;

beforeEach(() => {
  forgetAnswers();
});

const show = (selected = coded, deployments = [coded, twin], api: FakeApi = () => ({ status: 202 })) =>
  renderDashboard(<DuelPanel deployment={selected} />, { live: { deployments }, api });

function receive(update: Partial<AnswerUpdate>): void {
  act(() => receiveAnswers({ at: Date.now(), batches: [], ...update }));
}

const report = (change: Partial<FaultReportView['deployments'][number]> = {}): FaultReportView => ({
  id: 3,
  at: '2026-01-01T14:03:21.000Z',
  device: 'id-d3',
  deviceName: 'd3',
  fault: { kind: 'kill' },
  measuring: false,
  deployments: [
    {
      deployment: 'lenet5',
      seated: true,
      inFlight: 8,
      answered: 8,
      wrong: 0,
      failed: 0,
      canceled: 0,
      waiting: 0,
      slowestMs: 12.5,
      slowestRequest: 77,
      failedAfter: 0,
      wrongAfter: 0,
      skipped: 0,
      answeringAgainMs: 2,
      longestSilenceMs: 2,
      measuring: false,
      ...change,
    },
  ],
});

describe('the duel', () => {
  it('is empty before the first load, and says what will be there', () => {
    show();
    expect(screen.getByTestId('lane-coded').textContent).toContain('ready');
    expect(screen.getByTestId('lane-uncoded').textContent).toContain('Uncoded');
    expect(screen.getByTestId('duel-coded-p99').textContent).toBe('–');
    expect(screen.getByText(/Run a load to compare/)).toBeTruthy();
    expect(screen.getByText(/Kill a device in the fleet below/)).toBeTruthy();
  });

  it('says on both lanes that the server is silent, until messages come again', () => {
    show();
    act(() => connection.become('silent', Date.now() - 7_000));
    for (const lane of ['lane-coded', 'lane-uncoded']) {
      const heading = screen.getByTestId(lane);
      expect(heading.textContent).toMatch(/unknown: no updates from the server7\.\d s$/);
      expect(heading.dataset.tone).toBe('danger');
    }
    act(() => connection.become('lost', Date.now()));
    expect(screen.getByTestId('lane-coded').textContent).toContain('unknown: no connection');
    act(() => connection.become('live', null));
    expect(screen.getByTestId('lane-coded').textContent).not.toContain('unknown');
  });

  it('starts the load of the coded deployment with one click', async () => {
    const { sent, user } = show();
    await user.click(screen.getByRole('button', { name: 'Run a load' }));
    expect(sent.at(-1)).toEqual({
      method: 'POST',
      path: '/api/deployments/lenet5/load',
      body: { mode: 'closed', concurrency: 8 },
    });
  });

  it('also ends the load', async () => {
    const load = { running: true } as NonNullable<typeof coded.load>;
    const loaded = { ...coded, load };
    const { sent, user } = show(loaded, [loaded, twin]);
    await user.click(screen.getByRole('button', { name: 'End load' }));
    expect(sent.at(-1)).toMatchObject({ method: 'DELETE', path: '/api/deployments/lenet5/load' });
  });

  it('says how the twin gets its requests', () => {
    show();
    expect(screen.getByText(/also while its earlier ones wait/)).toBeTruthy();
    cleanup();
    const without = { ...coded, twin: null };
    show(without, [without]);
    expect(screen.queryByText(/also while its earlier ones wait/)).toBeNull();
  });

  it('turns the twin on and off', async () => {
    const path = '/api/deployments/lenet5/twin';
    const { sent, user } = show();
    await user.click(screen.getByRole('switch', { name: 'Uncoded twin', checked: true }));
    expect(sent).toEqual([{ method: 'DELETE', path, body: undefined }]);
    cleanup();
    const without = { ...coded, twin: null };
    const off = show(without, [without]);
    await off.user.click(screen.getByRole('switch', { name: 'Uncoded twin', checked: false }));
    expect(off.sent).toEqual([{ method: 'POST', path, body: undefined }]);
  });

  it('lets the twin detect failures as in the paper, and says that this is emulated', async () => {
    const path = '/api/deployments/lenet5/twin';
    const { sent, user } = show();
    const choice = screen.getByRole('combobox', { name: 'Detects a failure' }) as HTMLSelectElement;
    expect(choice.value).toBe('now');
    expect(screen.queryByText(/Emulated/)).toBeNull();
    await user.selectOptions(choice, 'as in the paper (20 s)');
    expect(sent).toEqual([{ method: 'PATCH', path, body: { detectMs: 20_000 } }]);
    cleanup();
    const slow = show(coded, [coded, { ...twin, policy: { ...twin.policy, detectMs: 20_000 } }]);
    expect(screen.getByText(/^Emulated: uncoded detects a failure after 20 s, as in the paper/)).toBeTruthy();
    expect(screen.getByTestId('lane-uncoded').textContent).toContain('20 s detection (emulated)');
    await slow.user.selectOptions(screen.getByRole('combobox', { name: 'Detects a failure' }), 'as now');
    expect(slow.sent).toEqual([{ method: 'PATCH', path, body: { detectMs: null } }]);
  });

  it('without a twin offers one, and shows the reason if there cannot be one', async () => {
    const { user } = show(coded, [coded], () =>
      apiError(409, 'The devices lack memory for a second deployment.', 'Add a device.'),
    );
    expect(screen.queryByTestId('lane-uncoded')).toBeNull();
    expect(screen.getByText(/The uncoded twin is off/)).toBeTruthy();
    await user.click(screen.getByRole('switch', { name: 'Uncoded twin' }));
    await waitFor(() => expect(screen.getByRole('alert').textContent).toContain('lack memory'));
  });

  it('is one sentence for a deployment that cannot have a twin', () => {
    const whole = deployment(1, 1, { runsWhole: 'It runs whole.' });
    show(whole, [whole]);
    expect(screen.getByRole('note').textContent).toBe(
      'No duel: lenet5 runs undivided on one device, so it has no uncoded twin.',
    );
  });

  it('shows what the stalled lane waits for, with a running clock', async () => {
    show(coded, [coded, { ...twin, outage: OUTAGE }]);
    const lane = screen.getByTestId('lane-uncoded');
    expect(lane.textContent).toContain('stalled: redistributing shard 2 to d1');
    const clock = screen.getByTestId('outage-clock');
    const first = clock.textContent;
    expect(first).toMatch(/^\d+\.\d s$/);
    await waitFor(() => expect(clock.textContent).not.toBe(first));
    expect(screen.getByTestId('lane-coded').dataset.tone).toBe('ok');
  });

  it('shows names of any length, and names emulated faults', () => {
    const name = 'raspberry-pi-in-the-cupboard-behind-the-second-door-on-the-left';
    const seats = coded.progress.seats.map((seat) =>
      seat.seat === 0 ? { ...seat, device: `id-${name}`, deviceName: name, state: 'down' as const } : seat,
    );
    const long = { ...coded, progress: { ...coded.progress, seats } };
    renderDashboard(<DuelPanel deployment={long} />, {
      live: {
        deployments: [long, twin],
        devices: [device(name, { faults: [{ kind: 'delay', ms: 50, sigma: 0 }] })],
      },
    });
    expect(screen.getByTitle(`answering without ${name}`)).toBeTruthy();
    expect(screen.getByText(`Emulated: ${name}: delay 50 ms`)).toBeTruthy();
  });

  it('does not render for dots, and renders for numbers', () => {
    const rendered = vi.fn();
    renderDashboard(
      <Profiler id="duel" onRender={rendered}>
        <DuelPanel deployment={coded} />
      </Profiler>,
      { live: { deployments: [coded, twin] } },
    );
    const before = screen.getByTestId('duel-coded-p99');
    const renders = rendered.mock.calls.length;
    const dot = { at: Date.now(), latencyMs: 4, outcome: 'answered', survived: false } as const;
    receive({ batches: [{ deployment: 'lenet5', ended: 1, dots: [dot] }] });
    expect(rendered).toHaveBeenCalledTimes(renders);
    expect(before.textContent).toBe('–');
    receive({
      statistics: [
        answerStatistics({ answered: 1, p95: 4, p99: 4, histogram: [{ from: 3.98, to: 5.01, count: 1 }] }),
      ],
    });
    expect(rendered.mock.calls.length).toBeGreaterThan(renders);
    expect(before.textContent).toBe('4.00 ms');
    expect(screen.getByText(/^since \d\d:\d\d:\d\d/)).toBeTruthy();
  });
});

describe('the kill card in the duel', () => {
  it('shows the last fault, and the request behind it on demand', async () => {
    const { user } = show(coded, [coded, twin], () => ({ status: 200, body: { traces: { lenet5: null } } }));
    receive({ faults: [report()] });
    const card = screen.getByTestId('kill-card');
    expect(card.textContent).toContain('d3 killed at');
    expect(card.textContent).toContain('8 requests in flight: 8 answered, slowest 12.5 ms.');
    expect(card.dataset.measuring).toBe('false');
    await user.click(screen.getByRole('button', { name: 'See a request' }));
    expect(screen.getByRole('dialog', { name: 'Request 77, in flight at the fault' })).toBeTruthy();
    expect(await screen.findByText(/were not recorded/)).toBeTruthy();
  });

  it('says that it still measures, and saves no unfinished card', () => {
    show();
    receive({ faults: [{ ...report({ waiting: 1, answered: 7, measuring: true }), measuring: true }] });
    expect(screen.getByTestId('kill-card').textContent).toContain('1 still waiting');
    expect(screen.getByTestId('kill-card').textContent).toContain('Still measuring.');
    expect(screen.getByRole('button', { name: 'Save this card as PNG' }).hasAttribute('disabled')).toBe(true);
  });

  it('keeps earlier faults', async () => {
    const { user } = show();
    receive({ faults: [{ ...report(), id: 4, deviceName: 'd4' }, report()] });
    expect(screen.getByTestId('kill-card').textContent).toContain('d4 killed');
    await user.click(screen.getByRole('button', { name: 'Earlier faults (1)' }));
    expect(screen.getByText(/^d3 killed at/)).toBeTruthy();
  });
});
