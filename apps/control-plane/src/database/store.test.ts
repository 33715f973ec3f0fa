/** The contract of a store, tested on every implementation. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EventView } from '@sparewheel/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { repositoryRoot } from '../repository.ts';
import { deploymentRecord, digest, modelRecord, smallArtifacts, smallPlan } from '../testing/records.ts';
import { MemoryStore } from './memory-store.ts';
import { openDatabase } from './open-database.ts';
import { PrismaStore } from './prisma-store.ts';
import {
  type LatencySummary,
  ModelInUseError,
  NameTakenError,
  type Store,
  UnknownModelError,
} from './store.ts';

const migrations = join(repositoryRoot(), 'prisma', 'migrations');

const implementations: {
  name: string;
  open: () => Promise<{ store: Store; remove: () => Promise<void> }>;
}[] = [
  { name: 'in memory', open: async () => ({ store: new MemoryStore(), remove: async () => {} }) },
  {
    name: 'on SQLite through Prisma',
    open: async () => {
      const directory = await mkdtemp(join(tmpdir(), 'sparewheel-store-'));
      const store = new PrismaStore(await openDatabase(`file:${join(directory, 'test.db')}`, migrations));
      return { store, remove: () => rm(directory, { recursive: true }) };
    },
  },
];

const event = (id: number, change: Partial<EventView> = {}): EventView => ({
  id,
  at: new Date(Date.UTC(2026, 10, 23, 10, 0, id)).toISOString(),
  level: 'info',
  kind: 'device-joined',
  message: `event ${id}`,
  device: null,
  deployment: null,
  ...change,
});

const measured = { seat: 1, durationMs: 2_804.5, bytes: 5_000_000_000, requests: 37 };

const summary = (deployment: string, requests: number): LatencySummary => ({
  deployment,
  at: '2026-11-23T10:00:00.000Z',
  counts: {
    requests,
    answered: requests,
    recovered: 0,
    outran: 0,
    survived: 0,
    recoveredShards: 0,
    rescued: 0,
    failed: 0,
    canceled: 0,
    lost: 0,
    inFlight: 0,
    late: 0,
    corrupt: 0,
  },
  percentiles: { count: requests, p50: 1, p90: 2, p95: 2, p99: 3, p999: 4, max: 5, mean: 1.5, sd: 0.5 },
});

for (const { name, open } of implementations) {
  describe(`a store ${name}`, () => {
    let store: Store;
    let remove: () => Promise<void>;
    beforeEach(async () => {
      ({ store, remove } = await open());
    });
    afterEach(async () => {
      await store.close();
      await remove();
    });

    it('keeps the latest record of a device', async () => {
      const device = { id: 'device-0001', name: 'pi-1', secretHash: 'h', platform: 'linux arm64' };
      await store.saveDevice(device);
      await store.saveDevice({ ...device, name: 'pi-one' });
      expect(await store.devices()).toEqual([{ ...device, name: 'pi-one' }]);
      await store.deleteDevice('device-0001');
      await store.deleteDevice('device-0001');
      expect(await store.devices()).toEqual([]);
    });

    it('returns a model as it was stored', async () => {
      const model = modelRecord('big', { bytes: 2 ** 31 + 5, parameters: 6e9 });
      await store.createModel(model);
      await store.createModel(modelRecord('a-first'));
      expect(await store.model('big')).toEqual(model);
      expect((await store.models()).map((each) => each.name)).toEqual(['a-first', 'big']);
      expect(await store.model('none')).toBeNull();
    });

    it('changes the profile of a model', async () => {
      await store.createModel(modelRecord());
      await store.setModelProfile('lenet5', digest('9'));
      await store.setModelProfile('none', digest('9'));
      expect(await store.model('lenet5')).toEqual(modelRecord('lenet5', { profileSha256: digest('9') }));
      expect(await store.blobsInUse()).toContain(digest('9'));
    });

    it('rejects a taken name and keeps the first record', async () => {
      await store.createModel(modelRecord());
      await expect(store.createModel(modelRecord('lenet5', { bytes: 1 }))).rejects.toThrow(NameTakenError);
      expect((await store.model('lenet5'))?.bytes).toBe(250_000);
      await store.createDeployment(deploymentRecord());
      await expect(store.createDeployment(deploymentRecord())).rejects.toThrow(NameTakenError);
      expect(await store.deployments()).toHaveLength(1);
    });

    it('rejects a deployment of an unknown model', async () => {
      await expect(store.createDeployment(deploymentRecord())).rejects.toThrow(UnknownModelError);
      expect(await store.deployments()).toEqual([]);
    });

    it('does not delete a model in use, and names the deployments', async () => {
      await store.createModel(modelRecord());
      await store.createDeployment(deploymentRecord('b'));
      await store.createDeployment(deploymentRecord('a'));
      const rejection = await store.deleteModel('lenet5').catch((error: unknown) => error);
      expect(rejection).toBeInstanceOf(ModelInUseError);
      expect((rejection as ModelInUseError).deployments).toEqual(['a', 'b']);
      expect(await store.deleteDeployment('a')).toBe(true);
      expect(await store.deleteDeployment('b')).toBe(true);
      expect(await store.deleteDeployment('b')).toBe(false);
      expect(await store.deleteModel('lenet5')).toBe(true);
      expect(await store.deleteModel('lenet5')).toBe(false);
    });

    it('updates status, artifacts, seats and policy of a deployment', async () => {
      await store.createModel(modelRecord());
      await store.createDeployment(deploymentRecord());
      expect(await store.deployment('lenet5')).toEqual(deploymentRecord());
      const change = {
        status: 'live',
        artifacts: smallArtifacts,
        seats: ['device-0001', null, 'device-0002'],
        policy: { waitMs: 20, verify: 'before', deadlineMs: 500 },
      } as const;
      await store.updateDeployment('lenet5', change);
      expect(await store.deployment('lenet5')).toEqual(deploymentRecord('lenet5', change));
      await store.updateDeployment('lenet5', { status: 'failed', reason: 'no' });
      expect(await store.deployments()).toEqual([
        deploymentRecord('lenet5', { ...change, status: 'failed', reason: 'no' }),
      ]);
      await store.updateDeployment('lenet5', { artifacts: null });
      expect((await store.deployment('lenet5'))?.artifacts).toBeNull();
    });

    it('changes the plan of a deployment together with its artifacts and seats', async () => {
      await store.createModel(modelRecord());
      const before = deploymentRecord('lenet5', { status: 'live', artifacts: smallArtifacts });
      await store.createDeployment(before);
      const [coded, local] = smallPlan.steps;
      const plan = { ...smallPlan, k: 1, steps: [{ ...coded!, id: 'renamed' }, local!] } as typeof smallPlan;
      const artifacts = { renamed: smallArtifacts.fc!, 'local-1': smallArtifacts['local-1']! };
      const change = { plan, artifacts, seats: ['device-0001', null, null] };
      await store.updateDeployment('lenet5', change);
      expect(await store.deployment('lenet5')).toEqual({ ...before, ...change });
    });

    it('ignores a change to an unknown deployment', async () => {
      await store.updateDeployment('gone', { status: 'live', artifacts: smallArtifacts });
      expect(await store.deployment('gone')).toBeNull();
    });

    it('lists the blobs in use, without those of deleted models and deployments', async () => {
      await store.createModel(modelRecord());
      await store.createDeployment(deploymentRecord('lenet5', { status: 'live', artifacts: smallArtifacts }));
      expect([...(await store.blobsInUse())].sort()).toEqual(
        ['1', '2', '3', 'b', 'c', 'd', 'e', 'f'].map(digest),
      );
      await store.deleteDeployment('lenet5');
      expect([...(await store.blobsInUse())].sort()).toEqual(['b', 'c', 'f'].map(digest));
      await store.deleteModel('lenet5');
      expect([...(await store.blobsInUse())]).toEqual([]);
    });

    it('returns events newest first, by page and filter', async () => {
      expect(await store.lastEventId()).toBe(0);
      await store.appendEvents([event(1, { device: 'd1' }), event(2, { level: 'warning' })]);
      await store.appendEvents([event(3, { deployment: 'x', level: 'error' }), event(4, { device: 'd1' })]);
      expect(await store.lastEventId()).toBe(4);
      const ids = async (query: Parameters<Store['events']>[0]) =>
        (await store.events(query)).map(({ id }) => id);
      expect(await ids({ limit: 3 })).toEqual([4, 3, 2]);
      expect(await ids({ limit: 3, before: 3 })).toEqual([2, 1]);
      expect(await ids({ limit: 3, device: 'd1' })).toEqual([4, 1]);
      expect(await ids({ limit: 3, deployment: 'x' })).toEqual([3]);
      expect(await ids({ limit: 3, level: 'warning' })).toEqual([2]);
      expect(await store.events({ limit: 1 })).toEqual([event(4, { device: 'd1' })]);
    });

    it('keeps the numbers of an event', async () => {
      await store.appendEvents([event(1, measured), event(2)]);
      expect(await store.events({ limit: 2 })).toEqual([event(2), event(1, measured)]);
    });

    it('prunes the oldest events', async () => {
      await store.appendEvents([1, 2, 3, 4, 5].map((id) => event(id)));
      await store.pruneEvents(5);
      expect(await store.events({ limit: 10 })).toHaveLength(5);
      await store.pruneEvents(2);
      expect((await store.events({ limit: 10 })).map(({ id }) => id)).toEqual([5, 4]);
    });

    it('prunes the oldest latency summaries of each deployment', async () => {
      await store.appendLatencySummaries([
        summary('x', 1),
        summary('y', 1),
        summary('x', 2),
        summary('x', 3),
      ]);
      expect(await store.latencySummaries('x', 2)).toEqual([summary('x', 2), summary('x', 3)]);
      await store.pruneLatencySummaries(1);
      expect(await store.latencySummaries('x', 9)).toEqual([summary('x', 3)]);
      expect(await store.latencySummaries('y', 9)).toEqual([summary('y', 1)]);
    });
  });
}
