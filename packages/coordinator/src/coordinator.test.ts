import { expect, test } from 'vitest';
import { readyRig } from './testing/index.ts';

test('answers like the undivided network, with all devices and with any one of them dead', async () => {
  const rig = await readyRig({ k: 4, r: 1 });
  for (const victim of [null, 0, 1, 2, 3, 4]) {
    if (victim !== null) rig.fleet.kill(`d${victim}`);
    const input = rig.input();
    const inference = await rig.clock.run(rig.coordinator.infer('net', { t0: input }));
    const expected = rig.network.reference(input).data;
    for (const [i, value] of inference.fetches.t3!.data.entries()) {
      expect(value).toBeCloseTo(expected[i]!, 5);
    }
    expect(inference.rescued).toBe(0);
    expect(inference.recovered).toBe(victim === null || victim === 4 ? 0 : 2);
    if (victim === null) continue;
    rig.fleet.revive(`d${victim}`);
    await rig.clock.runUntil(() => rig.coordinator.snapshot().deployments[0]!.state === 'ready');
  }
});
