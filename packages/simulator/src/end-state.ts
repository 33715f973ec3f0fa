import { faulty } from './health.ts';
import type { World } from './world.ts';

/** When all faults are over and time has passed, every deployment that has devices enough is whole. */
export function checkWhole(world: World): void {
  const { checker } = world;
  const snapshot = world.observeSwitches();
  const usable = snapshot.devices.filter(({ id, state }) => {
    const device = world.device(id);
    return device && !faulty(device) && state !== 'quarantined';
  });
  for (const { name, state, reason, nextSeats } of snapshot.deployments) {
    const { latest } = world.deployments.get(name)!;
    if (usable.length < latest.plan.seats.length) continue;
    if (state !== 'ready' || nextSeats !== null) {
      const change = nextSeats === null ? '' : '; the new plan has not taken over';
      checker.complain(
        'b: beyond repair, rescue and then takeover',
        `${name} ends ${state}: ${reason}${change}`,
      );
    }
  }
  for (const name of world.deployments.keys()) {
    if (!snapshot.deployments.some((deployment) => deployment.name === name))
      checker.complain('g: a restart brings everything back', `${name} is gone`);
  }
  for (const { id, state, seats } of snapshot.devices) {
    const device = world.device(id)!;
    // Nobody asks a device without a seat anything: it can have fallen silent before and not have shown otherwise.
    const fine = state === 'up' || (state === 'silent' && seats.length === 0);
    if (!faulty(device) && !fine)
      checker.complain('e: who returns serves without a transfer', `healthy ${id} ends ${state}`);
  }
}

/** When no request has come for long, nothing is left of any; when everything is taken down, nothing of anything. */
export async function checkLeaks(world: World, pending: number): Promise<void> {
  const { checker, clock } = world;
  const plane = world.plane!;
  if (pending > 0) {
    checker.complain('c: one answer or one error before the deadline', `${pending} requests never ended`);
  }
  const leak = (what: string) => checker.complain('leaks', what);
  const snapshot = plane.coordinator.snapshot();
  checker.checkCounts(snapshot);
  for (const { id, inFlight } of snapshot.devices)
    if (inFlight > 0) leak(`${id} has ${inFlight} computations in flight`);
  for (const { name, inFlight, queued } of snapshot.deployments)
    if (inFlight + queued > 0) leak(`${name} has ${inFlight} requests in flight and ${queued} queued`);
  if (plane.timers.pendingTimers > 0) leak(`${plane.timers.pendingTimers} timers are left`);

  for (const name of [...world.deployments.keys()]) world.undeploy(name);
  await clock.runUntil(clock.now() + 10_000);
  if (plane.timers.pendingTimers > 0) leak(`${plane.timers.pendingTimers} timers are left of nothing`);
  for (const device of world.devices) {
    // One that was away at the wrong moment may keep what it has loaded until it restarts.
    if (world.health.everDisturbed(device) || device.life!.tasks.size === 0) continue;
    leak(`${device.id} has ${device.life!.tasks.size} tasks of nothing loaded`);
  }
}
