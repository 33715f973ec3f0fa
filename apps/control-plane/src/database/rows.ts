/** Converts between records and the rows of the tables in `prisma/schema.prisma`. */
import type { Policy } from '@sparewheel/coordinator';
import type { Artifact, Artifacts, Plan } from '@sparewheel/planner';
import type { EventLevel, EventMeasures, EventView, LinearLayerView, TensorSpec } from '@sparewheel/protocol';
import type { Event, Model, Prisma } from '../generated/prisma/client.ts';
import type { DeploymentChoice, DeploymentRecord, DeploymentStatus, ModelRecord } from './store.ts';

/** Selects a deployment's shards with it, in their order. */
export const withShards = {
  shards: { orderBy: [{ step: 'asc' }, { index: 'asc' }] },
} satisfies Prisma.DeploymentInclude;
type DeploymentRow = Prisma.DeploymentGetPayload<{ include: { shards: true } }>;

/** Casts to the type of a JSON column. Only the store writes these columns, so it reads back the same types. */
export function json(value: object): Prisma.InputJsonValue {
  return value as Prisma.InputJsonValue;
}

export function modelRecord({
  graphSha256,
  graphBytes,
  weightsSha256,
  weightsBytes,
  ...row
}: Model): ModelRecord {
  return {
    ...row,
    bytes: Number(row.bytes),
    canonical: artifact({ graphSha256, graphBytes, weightsSha256, weightsBytes }),
    parameters: Number(row.parameters),
    dimensions: row.dimensions as Record<string, number>,
    inputs: row.inputs as unknown as TensorSpec[],
    outputs: row.outputs as unknown as TensorSpec[],
    layers: row.layers as unknown as LinearLayerView[],
    createdAt: row.createdAt.toISOString(),
  };
}

export function deploymentRecord(row: DeploymentRow): DeploymentRecord {
  const artifacts: Record<string, Artifact[]> = {};
  for (const shard of row.shards) {
    const list = artifacts[shard.step] ?? [];
    artifacts[shard.step] = list;
    list[shard.index] = artifact(shard);
  }
  return {
    name: row.name,
    model: row.modelName,
    status: row.status as DeploymentStatus,
    reason: row.reason,
    choice: row.request as unknown as DeploymentChoice,
    policy: row.policy as unknown as Policy,
    plan: row.plan as unknown as Plan,
    artifacts: row.shards.length === 0 ? null : artifacts,
    seats: row.seats as unknown as (string | null)[],
    createdAt: row.createdAt.toISOString(),
  };
}

export function eventRow({ id, at, level, kind, message, device, deployment, ...measures }: EventView) {
  const row = { id, at, level, kind, message, device, deployment };
  return Object.keys(measures).length === 0 ? row : { ...row, measures: json(measures) };
}

export function eventView({ measures, ...row }: Event): EventView {
  const numbers = (measures ?? {}) as EventMeasures;
  return { ...row, at: row.at.toISOString(), level: row.level as EventLevel, ...numbers };
}

/** Returns the rows of a deployment's shards, without the deployment's name. */
export function shardRows(artifacts: Artifacts, plan: Plan) {
  const seats = new Map(plan.steps.map((step) => [step.id, step.kind === 'coded' ? step.seats : []]));
  return Object.entries(artifacts).flatMap(([step, list]) =>
    list.map((artifact, index) => ({
      step,
      index,
      seat: seats.get(step)?.[index] ?? null,
      ...artifactColumns(artifact),
    })),
  );
}

interface ArtifactColumns {
  readonly graphSha256: string;
  readonly graphBytes: bigint;
  readonly weightsSha256: string | null;
  readonly weightsBytes: bigint | null;
}

export function artifactColumns({ graph, weights }: Artifact): ArtifactColumns {
  return {
    graphSha256: graph.sha256,
    graphBytes: BigInt(graph.bytes),
    weightsSha256: weights?.sha256 ?? null,
    weightsBytes: weights === null ? null : BigInt(weights.bytes),
  };
}

function artifact({ graphSha256, graphBytes, weightsSha256, weightsBytes }: ArtifactColumns): Artifact {
  return {
    graph: { sha256: graphSha256, bytes: Number(graphBytes) },
    weights: weightsSha256 === null ? null : { sha256: weightsSha256, bytes: Number(weightsBytes) },
  };
}
