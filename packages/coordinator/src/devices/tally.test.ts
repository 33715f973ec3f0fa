import { describe, expect, it } from 'vitest';
import { corrupted, type RigOptions, readyRig } from '../testing/index.ts';

/** A coded layer of 6 inputs and 4 outputs over 2 + 1 devices: 24 bytes to each device, 8 bytes back. */
const OPTIONS: RigOptions = { k: 2, r: 1, layers: [{ kind: 'coded', inputs: 6, outputs: 4 }] };

async function counted(options: RigOptions = OPTIONS) {
  const rig = await readyRig({ ...options, options: { ...options.options, returnGraceMs: 1e6 } });
  const infer = async (times = 1) => {
    for (let each = 0; each < times; each++) {
      await rig.clock.run(rig.coordinator.infer('net', { t0: rig.input() }));
    }
    await rig.clock.advance(100);
  };
  const of = (device: string) => rig.coordinator.tallies().find((each) => each.device === device)?.tally;
  return { ...rig, infer, of };
}

describe('the tallies of a deployment', () => {
  it('count answers and bytes of each device', async () => {
    const { infer, of } = await counted();
    await infer(5);
    for (const device of ['d0', 'd1', 'd2']) {
      expect(of(device)).toMatchObject({ answers: 5, sentBytes: 5 * 24, receivedBytes: 5 * 8 });
      expect(of(device)).toMatchObject({ recovered: 0, rescued: 0, corrupt: 0 });
    }
  });

  it('count late answers, also of a canceled computation', async () => {
    const { infer, of, fleet } = await counted({ ...OPTIONS, policy: { verify: 'off' } });
    fleet.device('d2').behavior.computeMs = 20;
    await infer(3);
    expect(of('d2')!.late).toBe(of('d2')!.answers);
    expect(of('d2')!.late).toBeGreaterThan(0);
    expect(of('d0')!.late).toBe(0);
  });

  it('count recovered shards for the failed device, although it is sent nothing', async () => {
    const { infer, of, fleet } = await counted();
    await infer();
    fleet.kill('d1');
    await infer(4);
    expect(of('d1')).toMatchObject({ answers: 1, recovered: 4, rescued: 0, sentBytes: 24 });
    expect(of('d0')).toMatchObject({ answers: 5, recovered: 0 });
  });

  it('count rescued shards for the failed devices', async () => {
    const { infer, of, fleet } = await counted();
    fleet.kill('d0');
    fleet.kill('d1');
    await infer(3);
    const rescued = ['d0', 'd1', 'd2'].map((device) => of(device)?.rescued ?? 0);
    expect(rescued[0]! + rescued[1]!).toBe(3);
    expect(rescued[2]).toBe(0);
  });

  it('count proven wrong answers, and quarantines', async () => {
    const { infer, of, fleet, coordinator } = await counted();
    fleet.device('d1').behavior.tamper = (message) =>
      message.kind === 'answer' ? corrupted(message) : message;
    await infer(2);
    expect(of('d1')).toMatchObject({ corrupt: 1 });
    const { devices } = coordinator.snapshot();
    expect(devices.map(({ id, statistics: { quarantines } }) => [id, quarantines])).toEqual([
      ['d0', 0],
      ['d1', 1],
      ['d2', 0],
    ]);
  });

  it('survive a new plan, and end with the device and with the deployment', async () => {
    const { infer, of, coordinator, network, clock } = await counted();
    await infer(2);
    const { plan, artifacts } = network;
    const policy = coordinator.snapshot().deployments[0]!.policy;
    coordinator.deploy({ name: 'net', plan, artifacts, policy, seats: ['d0', 'd1', 'd2'] });
    await clock.advance(1_000);
    await infer(2);
    expect(of('d0')!.answers).toBe(4);
    coordinator.forget('d0');
    expect(of('d0')).toBeUndefined();
    await coordinator.undeploy('net');
    expect(coordinator.tallies()).toEqual([]);
  });
});
