/** Bugs that the simulator found, each kept away by the shortest story that shows it; see docs/BUGS-FOUND.md. */
import { expect, it } from 'vitest';
import { DEFAULT_POLICY } from './policy.ts';
import { readyRig, syntheticNetwork } from './testing/index.ts';

it('a device that lost its seat by silence fills the next gap, although nobody asks it anything (seed 33)', async () => {
  const rig = await readyRig({ k: 2, r: 1, spares: 1, options: { returnGraceMs: 0 } });
  rig.fleet.device('d1').behaviour.mute = true;
  for (let request = 0; request < 30; request++) {
    await rig.clock.run(rig.coordinator.infer('net', { t0: rig.input() }));
    await rig.clock.advance(500);
  }
  const holders = () => rig.coordinator.snapshot().deployments[0]!.seats.map(({ device }) => device);
  expect(holders()).toEqual(['d0', 'd3', 'd2']);

  rig.fleet.device('d1').behaviour.mute = false;
  rig.fleet.kill('d2');
  await rig.clock.advance(3_000);
  expect(holders()).toEqual(['d0', 'd3', 'd1']);
  const [deployment] = rig.coordinator.snapshot().deployments;
  expect(deployment!.state).toBe('ready');
});

it('a silent device fills a gap only until one that answers is there (seed 150)', async () => {
  const rig = await readyRig({ k: 2, r: 1, spares: 1, options: { returnGraceMs: 0 } });
  rig.fleet.device('d1').behaviour.mute = true;
  for (let request = 0; request < 30; request++) {
    await rig.clock.run(rig.coordinator.infer('net', { t0: rig.input() }));
    await rig.clock.advance(500);
  }
  rig.fleet.device('d1').behaviour.installMs = 20_000;
  rig.fleet.kill('d2');
  await rig.clock.advance(3_000);
  const seat = () => rig.coordinator.snapshot().deployments[0]!.seats[2]!;
  expect(seat().installing).toBe('d1');
  rig.fleet.add('d4');
  await rig.clock.advance(100);
  expect(seat()).toMatchObject({ device: 'd4', state: 'ready' });
});

it('what a spare had loaded of an install that was broken off is unloaded (seed 353)', async () => {
  const rig = await readyRig({ k: 2, r: 1, spares: 1, options: { returnGraceMs: 0 } });
  const unloaded: string[] = [];
  rig.fleet.uninstall = (device) => unloaded.push(device);
  rig.fleet.device('d3').behaviour.installMs = 500;
  rig.fleet.kill('d1');
  await rig.clock.advance(1_600);
  rig.fleet.revive('d1');
  await rig.clock.advance(1_000);
  expect(unloaded).toEqual(['d3']);
});

it('the seats to be stored are those of the plan deployed last, also when the one before it heals (seed 2353)', async () => {
  const rig = await readyRig({ k: 2, r: 1, spares: 1, options: { returnGraceMs: 0 } });
  const next = syntheticNetwork({
    k: 4,
    r: 1,
    layers: [
      { kind: 'coded', inputs: 6, outputs: 7 },
      { kind: 'local' },
      { kind: 'coded', inputs: 7, outputs: 5 },
    ],
  });
  const { plan, artifacts } = next;
  const seats = ['x0', 'x1', 'x2', 'x3', 'x4'];
  rig.coordinator.deploy({ name: 'net', plan, artifacts, policy: DEFAULT_POLICY, seats });
  rig.fleet.kill('d1');
  await rig.clock.advance(1_600);
  const reassigned = rig.events.filter((event) => event.kind === 'seat-reassigned');
  expect(reassigned.length).toBeGreaterThan(0);
  for (const event of reassigned) expect(event.seats).toHaveLength(plan.seats.length);
});
