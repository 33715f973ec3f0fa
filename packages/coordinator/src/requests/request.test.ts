import type { Artifact, LocalStep, Plan, ReplicatedStep } from '@sparewheel/planner';
import type { Tensor } from '@sparewheel/protocol';
import { describe, expect, it } from 'vitest';
import { Coordinator } from '../coordinator.ts';
import { InvalidDeploymentError } from '../errors.ts';
import { DEFAULT_POLICY } from '../policy.ts';
import { corrupted, FakeClock, ManualTransport, readyRig, settle } from '../testing/index.ts';

const scalar = (value: number): Tensor => ({ type: 'float32', dims: [], data: Float32Array.of(value) });

function local(id: string, feeds: string[], fetches: string[]): LocalStep {
  return { kind: 'local', id, summary: id, feeds, fetches, nodes: [] };
}

/** Deploys a plan whose local steps wait until the test completes them. Records their order and feeds. */
function manualRun(steps: (LocalStep | ReplicatedStep)[], inputs: string[], outputs: string[]) {
  const started: { id: string; feeds: readonly Tensor[]; done: (values: number[]) => void }[] = [];
  const artifacts: Record<string, Artifact[]> = {};
  for (const { id } of steps) artifacts[id] = [{ graph: { sha256: id, bytes: 1 }, weights: null }];
  const spec = (name: string) => ({ name, type: 'float32' as const, dims: [] });
  const plan: Plan = {
    version: 1,
    model: { name: 'm', sha256: '' },
    strategy: 'coded',
    k: 1,
    r: 0,
    inputs: inputs.map(spec),
    outputs: outputs.map(spec),
    steps,
    seats: [],
    decisions: [],
    coverage: 0,
  };
  const coordinator = new Coordinator({
    clock: new FakeClock(),
    transport: new ManualTransport(),
    installer: { install: async () => {}, uninstall: () => {} },
    compute: {
      run: ({ graph }, _, feeds) =>
        new Promise((resolve) => {
          started.push({ id: graph.sha256, feeds, done: (values) => resolve(values.map(scalar)) });
        }),
    },
    emit: () => {},
  });
  coordinator.deploy({ name: 'm', plan, artifacts, policy: DEFAULT_POLICY, seats: [] });
  return { coordinator, started, ids: () => started.map(({ id }) => id) };
}

describe('steps', () => {
  it('start as soon as their feeds are available, branches in parallel, in plan order', async () => {
    const { coordinator, started, ids } = manualRun(
      [
        local('a', ['x'], ['p', 'q']),
        local('b', ['p'], ['b']),
        local('c', ['q', 'x'], ['c']),
        local('d', ['b', 'c'], ['y']),
      ],
      ['x'],
      ['y'],
    );
    const answer = coordinator.infer('m', { x: scalar(1) });
    expect(ids()).toEqual(['a']);
    started[0]!.done([10, 20]);
    await settle();
    expect(ids()).toEqual(['a', 'b', 'c']);
    started[2]!.done([300]);
    await settle();
    expect(ids()).toEqual(['a', 'b', 'c']);
    started[1]!.done([200]);
    await settle();
    expect(ids()).toEqual(['a', 'b', 'c', 'd']);
    expect(started[3]!.feeds.map(({ data }) => data[0])).toEqual([200, 300]);
    started[3]!.done([7]);
    expect((await answer).fetches.y).toEqual(scalar(7));
  });

  it('can read a tensor twice, and a plan can return an input', async () => {
    const { coordinator, started } = manualRun([local('a', ['x', 'x'], ['y'])], ['x'], ['y', 'x']);
    const answer = coordinator.infer('m', { x: scalar(3) });
    expect(started[0]!.feeds).toEqual([scalar(3), scalar(3)]);
    started[0]!.done([9]);
    expect((await answer).fetches).toEqual({ y: scalar(9), x: scalar(3) });
    const one = coordinator.infer('m', { x: scalar(3) }, { fetches: ['x'] });
    started[1]!.done([9]);
    expect((await one).fetches).toEqual({ x: scalar(3) });
  });

  it('that return too few outputs end the request with the expected number', async () => {
    const { coordinator, started } = manualRun([local('a', ['x'], ['p', 'y'])], ['x'], ['y']);
    const answer = coordinator.infer('m', { x: scalar(3) });
    started[0]!.done([9]);
    await expect(answer).rejects.toThrow(/expected 2 outputs, received 1/);
  });
});

it.each<[string, LocalStep[], string[], RegExp]>([
  [
    'a feed that no step produces',
    [local('a', ['z'], ['y'])],
    ['y'],
    /reads "z", which no earlier step produces/,
  ],
  ['steps out of order', [local('a', ['p'], ['y']), local('b', ['x'], ['p'])], ['y'], /reads "p"/],
  [
    'a tensor produced twice',
    [local('a', ['x'], ['y']), local('b', ['x'], ['y'])],
    ['y'],
    /two steps produce .* "y"/,
  ],
  ['an output that no step produces', [local('a', ['x'], ['y'])], ['w'], /no step produces the output "w"/],
])('refuses a plan with %s', (_, steps, outputs, message) => {
  expect(() => manualRun(steps, ['x'], outputs)).toThrow(InvalidDeploymentError);
  expect(() => manualRun(steps, ['x'], outputs)).toThrow(message);
});

describe('a replicated step', () => {
  const layers = [{ kind: 'replicated' }, { kind: 'coded', inputs: 6, outputs: 5 }] as const;

  it('takes the first answer and cancels the others', async () => {
    const rig = await readyRig({ k: 2, r: 1, replicas: 3, layers, policy: { verify: 'off' } });
    rig.fleet.device('d0').behavior.computeMs = 40;
    rig.fleet.device('d1').behavior.computeMs = 20;
    const input: Tensor<'float32'> = {
      type: 'float32',
      dims: [1, 6],
      data: Float32Array.of(1, -2, 3, -4, 5, -6),
    };
    const { latencyMs, rescued } = await rig.clock.run(
      rig.coordinator.infer('net', { t0: input }, { trace: true }),
    );
    expect(rescued).toBe(0);
    // The first step takes its fastest replica. The coded step then waits for d1, which still computes the first step.
    expect(latencyMs).toBeLessThan(3 + 50);
    expect(rig.coordinator.traces('net')[0]!.steps[0]!.shards.map(({ status }) => status)).toEqual([
      'missing',
      'missing',
      'used',
    ]);
  });

  it('is computed by the data plane if no replica is alive', async () => {
    const rig = await readyRig({ k: 2, r: 1, replicas: 2, layers });
    rig.fleet.kill('d0');
    rig.fleet.kill('d1');
    const input: Tensor<'float32'> = { type: 'float32', dims: [1, 6], data: new Float32Array(6).fill(0.5) };
    const { rescued, fetches } = await rig.clock.run(rig.coordinator.infer('net', { t0: input }));
    expect(rescued).toBe(2);
    const expected = rig.network.reference(input).data;
    for (const [i, value] of fetches.t2!.data.entries()) expect(value).toBeCloseTo(expected[i]!, 5);
  });
});

it('detects a faulty replica before its answer is used under verify "before"', async () => {
  for (const faulty of ['d0', 'd1']) {
    for (const other of ['up', 'down'] as const) {
      const layers = [{ kind: 'coded', inputs: 3, outputs: 4 }, { kind: 'replicated' }] as const;
      const rig = await readyRig({ k: 1, r: 1, replicas: 2, layers, policy: { verify: 'before' } });
      const input = rig.input();
      if (other === 'down') rig.fleet.kill(faulty === 'd0' ? 'd1' : 'd0');
      // Only the answer to the replicated step is wrong.
      let answers = 0;
      rig.fleet.device(faulty).behavior.tamper = (message) =>
        message.kind === 'answer' && ++answers === 2 ? corrupted(message, 0.25) : message;
      const { fetches } = await rig.clock.run(rig.coordinator.infer('net', { t0: input }));
      const expected = rig.network.reference(input).data;
      for (const [i, value] of fetches.t2!.data.entries()) expect(value).toBeCloseTo(expected[i]!, 4);
      expect(rig.events.filter(({ kind }) => kind === 'device-quarantined')).toMatchObject([
        { device: faulty },
      ]);
    }
  }
});
