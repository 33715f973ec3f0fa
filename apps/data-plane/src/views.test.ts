import type { CoordinatorSnapshot, DeviceSnapshot } from '@sparewheel/coordinator';
import { describe, expect, it } from 'vitest';
import { type DeviceFacts, deploymentRuntimes, deviceViews, requestGauges } from './views.ts';

const STATISTICS = {
  sent: 9,
  answers: 8,
  late: 2,
  refusals: 0,
  invalid: 1,
  unanswered: 0,
  unsolicited: 0,
  quarantines: 0,
  arrivalMs: 1.5,
  computeMs: 0.5,
};

function facts(overrides: Partial<DeviceFacts> = {}): DeviceFacts {
  return {
    known: { id: 'device-one', name: 'pi-1', secretHash: '', platform: 'linux' },
    connecting: true,
    hello: null,
    statistics: null,
    roundTripMs: 0.7,
    supervision: { id: 'device-one', name: 'pi-1', running: true, processId: 42, ended: null },
    paused: false,
    faults: [],
    joinedAt: new Date(0),
    lastSeenAt: new Date(1),
    ...overrides,
  };
}

function snapshot(device: Partial<DeviceSnapshot> = {}): CoordinatorSnapshot {
  return {
    devices: [
      {
        id: 'device-one',
        state: 'up',
        reason: null,
        inFlight: 3,
        seats: [{ deployment: 'lenet5', seat: 4, role: 'parity', state: 'ready' }],
        statistics: STATISTICS,
        ...device,
      },
    ],
    deployments: [],
  };
}

describe('a device', () => {
  it('shows its roles, statistics and supervisor', () => {
    const [view] = deviceViews(snapshot(), [facts()]);
    expect(view).toMatchObject({
      state: 'ready',
      roles: ['parity'],
      processId: 42,
      supervised: true,
      roundTripMs: 0.7,
      inFlight: 3,
      arrivalMs: 1.5,
      answers: 8,
      late: 2,
      invalid: 1,
      reason: null,
    });
  });

  const ended = {
    id: 'device-one',
    name: 'pi-1',
    running: false,
    processId: null,
    ended: 'killed by SIGKILL',
  };
  const cases: [string, Partial<DeviceFacts>, Partial<DeviceSnapshot>, string | null][] = [
    ['ready', {}, {}, null],
    ['silent', {}, { state: 'silent' }, 'it is connected but does not answer'],
    ['quarantined', {}, { state: 'quarantined', reason: 'wrong answer' }, 'wrong answer'],
    ['dead', { supervision: ended }, { state: 'down', reason: 'its connection broke' }, 'killed by SIGKILL'],
    // The supervisor notices it first.
    ['dead', { supervision: ended }, { state: 'up' }, 'killed by SIGKILL'],
    ['paused', { paused: true }, { state: 'down' }, 'its process is paused (SIGSTOP)'],
    ['joining', {}, { state: 'down' }, 'it is connecting'],
    [
      'lost',
      { connecting: false },
      { state: 'down', reason: 'its connection broke' },
      'its connection broke',
    ],
  ];
  it.each(cases)('is %s: %o %o', (state, fact, device, reason) => {
    const [view] = deviceViews(snapshot(device), [facts(fact)]);
    expect([view!.state, view!.reason]).toEqual([state, reason]);
  });

  it('is a lost standby if it has not connected since the start', () => {
    const empty: CoordinatorSnapshot = { devices: [], deployments: [] };
    const [view] = deviceViews(empty, [facts({ connecting: false, supervision: undefined })]);
    expect(view).toMatchObject({ state: 'lost', roles: ['standby'], supervised: false, roundTripMs: null });
    expect(view!.reason).toContain('since the data plane started');
  });

  it('is sorted by name, with numbers in numeric order', () => {
    const named = (name: string) => facts({ known: { id: name, name, secretHash: '', platform: '' } });
    const views = deviceViews(snapshot(), [named('pi-10'), named('pi-9'), named('pi-1')]);
    expect(views.map(({ name }) => name)).toEqual(['pi-1', 'pi-9', 'pi-10']);
  });
});

describe('a deployment', () => {
  const seat = {
    seat: 0,
    role: 'data',
    device: 'device-one',
    state: 'ready',
    installing: null,
    progress: null,
    substitute: null,
    substituteState: null,
  } as const;
  const deployment = {
    name: 'lenet5',
    state: 'degraded',
    reason: '4 of 5 seats answer',
    policy: { waitMs: 'any-k', verify: 'after', deadlineMs: 1 },
    seats: [seat],
    nextSeats: null,
    counters: {
      requests: 0,
      answered: 0,
      failed: 0,
      canceled: 0,
      refused: 0,
      recovered: 0,
      recoveredShards: 0,
      rescued: 0,
      rescuedShards: 0,
      corrupt: 6,
    },
    inFlight: 2,
    queued: 5,
    outage: null,
    mirrorOf: null,
    mirrored: { offered: 0, accepted: 0, refused: 0, skipped: 0 },
  } as const;

  it('shows the devices on its seats, and the new plan during a change', () => {
    const installing = {
      ...seat,
      device: null,
      state: 'installing',
      progress: { sentBytes: 1, totalBytes: 2 },
    } as const;
    const views = deploymentRuntimes(
      { devices: [], deployments: [deployment, { ...deployment, name: 'rolling', nextSeats: [installing] }] },
      () => 'pi-1',
      () => null,
    );
    expect(views[0]!.seats[0]).toMatchObject({ deviceName: 'pi-1', state: 'ready', sentBytes: 0 });
    expect(views[1]!.seats[0]).toMatchObject({
      deviceName: null,
      state: 'installing',
      sentBytes: 1,
      totalBytes: 2,
    });
  });

  it('shows an outage with its times, its devices and the waiting requests', () => {
    const outage = {
      phase: 'redistributing',
      seat: 1,
      device: 'a',
      to: 'b',
      since: 5,
      phaseSince: 7,
    } as const;
    const failing = {
      ...deployment,
      outage,
      seats: [{ ...seat, substitute: 'b', substituteState: 'loading' }],
    } as const;
    const [view] = deploymentRuntimes(
      { devices: [], deployments: [failing] },
      (id) => `name of ${id}`,
      () => null,
      1_000,
    );
    expect(view!.outage).toEqual({
      phase: 'redistributing',
      since: '1970-01-01T00:00:01.005Z',
      phaseSince: '1970-01-01T00:00:01.007Z',
      device: 'a',
      deviceName: 'name of a',
      seat: 1,
      to: 'b',
      toName: 'name of b',
      waiting: 7,
    });
    expect(view!.seats[0]).toMatchObject({
      substitute: 'b',
      substituteName: 'name of b',
      substituteState: 'loading',
    });
    expect(view!.mirror).toBeNull();
  });

  it('counts running and queued requests, and the late answers of its own devices', () => {
    const { devices } = snapshot();
    const other = { ...devices[0]!, id: 'another' };
    expect(requestGauges(deployment, [...devices, other])).toEqual({ inFlight: 7, late: 2, corrupt: 6 });
  });
});
