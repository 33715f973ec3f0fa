import type { KnownDevice } from '@sparewheel/data-plane-client';
import type { Plan } from '@sparewheel/planner';
import type { EventView, Percentiles, RequestCounts } from '@sparewheel/protocol';
import type { PrismaClient } from '../generated/prisma/client.ts';
import {
  artifactColumns,
  deploymentRecord,
  eventRow,
  eventView,
  json,
  modelRecord,
  shardRows,
  withShards,
} from './rows.ts';
import {
  type DeploymentRecord,
  type EventQuery,
  type LatencySummary,
  ModelInUseError,
  type ModelRecord,
  NameTakenError,
  type Store,
  UnknownModelError,
} from './store.ts';

/** A store in SQLite. */
export class PrismaStore implements Store {
  readonly #prisma: PrismaClient;

  constructor(prisma: PrismaClient) {
    this.#prisma = prisma;
  }

  devices(): Promise<readonly KnownDevice[]> {
    return this.#prisma.device.findMany({
      orderBy: { name: 'asc' },
      select: { id: true, name: true, secretHash: true, platform: true },
    });
  }

  async saveDevice({ id, ...device }: KnownDevice): Promise<void> {
    const now = new Date();
    await this.#prisma.device.upsert({
      where: { id },
      create: { id, ...device, joinedAt: now, lastSeenAt: now },
      update: { ...device, lastSeenAt: now },
    });
  }

  async deleteDevice(id: string): Promise<void> {
    await this.#prisma.device.deleteMany({ where: { id } });
  }

  async models(): Promise<readonly ModelRecord[]> {
    return (await this.#prisma.model.findMany({ orderBy: { name: 'asc' } })).map(modelRecord);
  }

  async model(name: string): Promise<ModelRecord | null> {
    const row = await this.#prisma.model.findUnique({ where: { name } });
    return row && modelRecord(row);
  }

  async createModel({ canonical, ...model }: ModelRecord): Promise<void> {
    try {
      await this.#prisma.model.create({
        data: {
          ...model,
          ...artifactColumns(canonical),
          bytes: BigInt(model.bytes),
          parameters: BigInt(model.parameters),
          dimensions: json(model.dimensions),
          inputs: json(model.inputs),
          outputs: json(model.outputs),
          layers: json(model.layers),
        },
      });
    } catch (error) {
      throw violates(error, 'unique') ? new NameTakenError('model', model.name) : error;
    }
  }

  async setModelProfile(name: string, profileSha256: string): Promise<void> {
    await this.#prisma.model.updateMany({ where: { name }, data: { profileSha256 } });
  }

  async deleteModel(name: string): Promise<boolean> {
    return this.#prisma.$transaction(async (transaction) => {
      const users = await transaction.deployment.findMany({
        where: { modelName: name },
        select: { name: true },
        orderBy: { name: 'asc' },
      });
      if (users.length > 0)
        throw new ModelInUseError(
          name,
          users.map((user) => user.name),
        );
      return (await transaction.model.deleteMany({ where: { name } })).count > 0;
    });
  }

  async deployments(): Promise<readonly DeploymentRecord[]> {
    const rows = await this.#prisma.deployment.findMany({ orderBy: { name: 'asc' }, include: withShards });
    return rows.map(deploymentRecord);
  }

  async deployment(name: string): Promise<DeploymentRecord | null> {
    const row = await this.#prisma.deployment.findUnique({ where: { name }, include: withShards });
    return row && deploymentRecord(row);
  }

  async createDeployment(deployment: DeploymentRecord): Promise<void> {
    const { model, choice, policy, plan, artifacts, seats, ...rest } = deployment;
    try {
      await this.#prisma.deployment.create({
        data: {
          ...rest,
          modelName: model,
          request: json(choice),
          policy: json(policy),
          plan: json(plan),
          seats: json(seats),
          shards: { create: artifacts === null ? [] : shardRows(artifacts, plan) },
        },
      });
    } catch (error) {
      if (violates(error, 'unique')) throw new NameTakenError('deployment', deployment.name);
      if (violates(error, 'foreign-key')) throw new UnknownModelError(model);
      throw error;
    }
  }

  async updateDeployment(
    name: string,
    {
      policy,
      seats,
      plan,
      artifacts,
      ...change
    }: Partial<Pick<DeploymentRecord, 'status' | 'reason' | 'policy' | 'plan' | 'artifacts' | 'seats'>>,
  ): Promise<void> {
    await this.#prisma.$transaction(async (transaction) => {
      const row = await transaction.deployment.findUnique({ where: { name }, select: { plan: true } });
      if (row === null) return;
      await transaction.deployment.update({
        where: { name },
        data: {
          ...change,
          ...(policy === undefined ? {} : { policy: json(policy) }),
          ...(seats === undefined ? {} : { seats: json(seats) }),
          ...(plan === undefined ? {} : { plan: json(plan) }),
        },
      });
      if (artifacts === undefined) return;
      await transaction.shard.deleteMany({ where: { deploymentName: name } });
      if (artifacts === null) return;
      await transaction.shard.createMany({
        data: shardRows(artifacts, plan ?? (row.plan as unknown as Plan)).map((shard) => ({
          ...shard,
          deploymentName: name,
        })),
      });
    });
  }

  async deleteDeployment(name: string): Promise<boolean> {
    return (await this.#prisma.deployment.deleteMany({ where: { name } })).count > 0;
  }

  async blobsInUse(): Promise<ReadonlySet<string>> {
    const [models, shards] = await Promise.all([
      this.#prisma.model.findMany({
        select: { graphSha256: true, weightsSha256: true, profileSha256: true },
      }),
      this.#prisma.shard.findMany({ select: { graphSha256: true, weightsSha256: true } }),
    ]);
    const blobs = new Set<string>();
    for (const { profileSha256 } of models) blobs.add(profileSha256);
    for (const { graphSha256, weightsSha256 } of [...models, ...shards]) {
      blobs.add(graphSha256);
      if (weightsSha256 !== null) blobs.add(weightsSha256);
    }
    return blobs;
  }

  async appendEvents(events: readonly EventView[]): Promise<void> {
    await this.#prisma.event.createMany({ data: events.map(eventRow) });
  }

  async events({ limit, before, device, deployment, level }: EventQuery): Promise<readonly EventView[]> {
    const rows = await this.#prisma.event.findMany({
      where: {
        ...(before === undefined ? {} : { id: { lt: before } }),
        ...(device === undefined ? {} : { device }),
        ...(deployment === undefined ? {} : { deployment }),
        ...(level === undefined ? {} : { level }),
      },
      orderBy: { id: 'desc' },
      take: limit,
    });
    return rows.map(eventView);
  }

  async lastEventId(): Promise<number> {
    return (await this.#prisma.event.aggregate({ _max: { id: true } }))._max.id ?? 0;
  }

  async pruneEvents(keep: number): Promise<void> {
    const [oldest] = await this.#prisma.event.findMany({
      orderBy: { id: 'desc' },
      skip: keep,
      take: 1,
      select: { id: true },
    });
    if (oldest) await this.#prisma.event.deleteMany({ where: { id: { lte: oldest.id } } });
  }

  async appendLatencySummaries(summaries: readonly LatencySummary[]): Promise<void> {
    await this.#prisma.latencySummary.createMany({
      data: summaries.map((summary) => ({
        ...summary,
        counts: json(summary.counts),
        percentiles: json(summary.percentiles),
      })),
    });
  }

  async latencySummaries(deployment: string, limit: number): Promise<readonly LatencySummary[]> {
    const rows = await this.#prisma.latencySummary.findMany({
      where: { deployment },
      orderBy: { id: 'desc' },
      take: limit,
    });
    return rows.reverse().map(({ at, counts, percentiles }) => ({
      deployment,
      at: at.toISOString(),
      counts: counts as unknown as RequestCounts,
      percentiles: percentiles as unknown as Percentiles,
    }));
  }

  async pruneLatencySummaries(keep: number): Promise<void> {
    const names = await this.#prisma.latencySummary.findMany({
      distinct: ['deployment'],
      select: { deployment: true },
    });
    for (const { deployment } of names) {
      const [oldest] = await this.#prisma.latencySummary.findMany({
        where: { deployment },
        orderBy: { id: 'desc' },
        skip: keep,
        take: 1,
        select: { id: true },
      });
      if (oldest)
        await this.#prisma.latencySummary.deleteMany({ where: { deployment, id: { lte: oldest.id } } });
    }
  }

  close(): Promise<void> {
    return this.#prisma.$disconnect();
  }
}

function violates(error: unknown, constraint: 'unique' | 'foreign-key'): boolean {
  // Prisma's error codes: P2002 unique constraint, P2003 foreign key constraint.
  const code = error instanceof Error && 'code' in error ? error.code : null;
  return code === (constraint === 'unique' ? 'P2002' : 'P2003');
}
