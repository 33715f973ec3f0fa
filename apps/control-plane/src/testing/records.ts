/** Small, valid records for tests. */
import type { Artifacts, Plan, Planned } from '@sparewheel/planner';
import type { DeploymentRecord, ModelRecord } from '../database/store.ts';

export const digest = (digit: string): string => digit.repeat(64);

export function modelRecord(name = 'lenet5', change: Partial<ModelRecord> = {}): ModelRecord {
  return {
    name,
    sha256: digest('a'),
    bytes: 250_000,
    canonical: {
      graph: { sha256: digest('b'), bytes: 4_000 },
      weights: { sha256: digest('f'), bytes: 246_000 },
    },
    profileSha256: digest('c'),
    dimensions: { batch: 1 },
    inputs: [{ name: 'image', type: 'float32', dims: [1, 1, 28, 28] }],
    outputs: [{ name: 'logits', type: 'float32', dims: [1, 10] }],
    layers: [
      {
        name: 'fc',
        op: 'Gemm',
        outputDims: [1, 10],
        parameters: 7850,
        multiplyAdds: 7840,
        codable: true,
        reason: null,
      },
    ],
    parameters: 7850,
    createdAt: '2026-11-23T10:00:00.000Z',
    ...change,
  };
}

/** One layer over two data shards and a parity shard, followed by a local step. */
export const smallPlan: Plan = {
  version: 1,
  model: { name: 'lenet5', sha256: digest('a') },
  strategy: 'coded',
  k: 2,
  r: 1,
  inputs: [{ name: 'image', type: 'float32', dims: [1, 784] }],
  outputs: [{ name: 'logits', type: 'float32', dims: [1, 10] }],
  steps: [
    {
      kind: 'coded',
      id: 'fc',
      layer: 'fc',
      node: 0,
      op: 'Gemm',
      feed: 'image',
      fetch: 'fc_out',
      axis: -1,
      blocks: [
        { start: 0, rows: 5 },
        { start: 5, rows: 5 },
      ],
      height: 5,
      dataShards: 2,
      parityShards: 1,
      seats: [0, 1, 2],
      multiplyAdds: 7840,
    },
    { kind: 'local', id: 'local-1', summary: 'Relu', feeds: ['fc_out'], fetches: ['logits'], nodes: [1] },
  ],
  seats: ([0, 1, 2] as const).map((seat) => ({
    seat,
    role: seat === 2 ? 'parity' : 'data',
    weightsBytes: 15_700,
    multiplyAdds: 3920,
    bytesIn: 3136,
    bytesOut: 20,
  })),
  decisions: [{ layer: 'fc', op: 'Gemm', distributed: true, reason: 'asked for' }],
  coverage: 1,
};

export const smallPlanned: Planned = {
  plan: smallPlan,
  seats: [null, null, null],
  explanation: {
    predictedMs: 2,
    dataPlaneWeightsBytes: 0,
    measured: false,
    steps: [],
    seats: [],
    coverage: 1,
    runsWhole: null,
    notDistributed: [],
  },
};

export const smallArtifacts: Artifacts = {
  fc: ['1', '2', '3'].map((digit) => ({
    graph: { sha256: digest('d'), bytes: 300 },
    weights: { sha256: digest(digit), bytes: 15_700 },
  })),
  'local-1': [{ graph: { sha256: digest('e'), bytes: 120 }, weights: null }],
};

export function deploymentRecord(name = 'lenet5', change: Partial<DeploymentRecord> = {}): DeploymentRecord {
  return {
    name,
    model: 'lenet5',
    status: 'preparing',
    reason: null,
    choice: { k: 2, r: 1, strategy: 'coded', layers: 'all', devices: null },
    policy: { waitMs: 'any-k', verify: 'after', deadlineMs: 10_000 },
    plan: smallPlan,
    artifacts: null,
    seats: [null, null, null],
    createdAt: '2026-11-23T10:01:00.000Z',
    ...change,
  };
}
