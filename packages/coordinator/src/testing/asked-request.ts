import { expect } from 'vitest';
import type { Inference } from '../requests/accepted-request.ts';
import type { Rig } from './rig.ts';

/** A request that a test sent, and how it ended. */
export interface AskedRequest {
  /** Empty while the request runs. */
  readonly ended: readonly (Inference | (Error & { code?: string }))[];
  readonly done: Promise<void>;
  /** Returns the answer. Fails the test if there is none, or if it differs from the undivided model's. */
  expectCorrect(): Inference;
}

/** Sends a request with random input. */
export function ask(rig: Rig, deployment = 'net'): AskedRequest {
  const input = rig.input();
  const ended: (Inference | (Error & { code?: string }))[] = [];
  const done = rig.coordinator.infer(deployment, { t0: input }).then(
    (inference) => void ended.push(inference),
    (error: Error) => void ended.push(error),
  );
  const expectCorrect = () => {
    const [end] = ended;
    if (end === undefined || end instanceof Error) throw end ?? new Error('the request has not ended');
    const output = Object.values(end.fetches)[0]!.data as Float32Array;
    for (const [i, value] of rig.network.reference(input).data.entries()) {
      expect(output[i]).toBeCloseTo(value, 4);
    }
    return end;
  };
  return { ended, done, expectCorrect };
}

/** The runs of linear layers on the data plane. */
export function linearRunsOnDataPlane({ fleet, network }: Rig): readonly unknown[] {
  const local = network.plan.steps.filter(({ kind }) => kind === 'local');
  const allowed = new Set(local.flatMap(({ id }) => network.artifacts[id]!.map(({ graph }) => graph.sha256)));
  return fleet.local.runs.filter(({ graph }) => !allowed.has(graph.sha256));
}
