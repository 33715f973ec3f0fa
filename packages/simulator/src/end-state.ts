import { faulty } from './health.ts';
import type { World } from './world.ts';

/** Checks, after all faults and the time to heal, that every deployment with enough devices is ready. */
export function checkWhole(world: World): void {
  const { checker } = world;
  const snapshot = world.observeSwitches();
  const usable = snapshot.devices.filter(({ id, state }) => {
    const device = world.device(id);
    return device && !faulty(device) && state !== 'quarantined';
  });
  for (const { name, state, reason, seats, nextSeats } of snapshot.deployments) {
    const live = world.deployments.get(name);
    if (usable.length < (live?.latest.plan.seats ?? seats).length) continue;
    if (state !== 'ready' || nextSeats !== null) {
      const change = nextSeats === null ? '' : '; the new plan has not taken over';
      checker.complain(
        'b: beyond repair, rescue and then takeover',
        `${name} ends in state ${state}: ${reason}${change}`,
      );
    }
  }
  for (const name of names(world)) {
    if (!snapshot.deployments.some((deployment) => deployment.name === name))
      checker.complain('g: a restart restores everything', `${name} is gone`);
  }
  for (const { id, state, seats } of snapshot.devices) {
    const device = world.device(id)!;
    // A device without a seat gets no requests, so a silent one has no way to show that it answers again.
    const fine = state === 'up' || (state === 'silent' && seats.length === 0);
    if (!faulty(device) && !fine)
      checker.complain(
        'e: a returning device serves without a transfer',
        `the healthy device ${id} ends in state ${state}`,
      );
  }
}

function names({ deployments, scenario }: World): string[] {
  return [...deployments.keys(), ...(scenario.mirror ? [scenario.mirror.name] : [])];
}

/** Checks that nothing is left of requests after a pause, and nothing at all after every deployment is removed. */
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

  for (const name of names(world)) world.undeploy(name);
  await clock.runUntil(clock.now() + 10_000);
  if (plane.timers.pendingTimers > 0)
    leak(`${plane.timers.pendingTimers} timers are left after the last deployment was removed`);
  for (const device of world.devices) {
    // A device that was disconnected at that moment keeps its loaded tasks until it restarts.
    if (world.health.everDisturbed(device) || device.life!.tasks.size === 0) continue;
    leak(`${device.id} has ${device.life!.tasks.size} tasks of removed deployments loaded`);
  }
}
