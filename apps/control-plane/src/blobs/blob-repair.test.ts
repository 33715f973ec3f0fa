/** Repairs with a store in memory and a fake of the model builder. The builder's own tests build real files again. */
import { ModelBuilder } from '@sparewheel/model-builder';
import { ApiError } from '@sparewheel/protocol';
import { beforeEach, expect, it } from 'vitest';
import { MemoryStore } from '../database/memory-store.ts';
import { EventLog } from '../events/event-log.ts';
import { FakeModelBuilder } from '../testing/fake-model-builder.ts';
import { deploymentRecord, digest, modelRecord, smallArtifacts } from '../testing/records.ts';
import { BlobRepair } from './blob-repair.ts';

const SHARD = digest('2');
const MODEL_FILE = digest('b');

let builder: FakeModelBuilder;
let events: EventLog;
let repair: BlobRepair;
beforeEach(async () => {
  const store = new MemoryStore();
  await store.createModel(modelRecord());
  await store.createDeployment(deploymentRecord('digits', { status: 'live', artifacts: smallArtifacts }));
  builder = new FakeModelBuilder();
  events = await EventLog.open(store);
  repair = new BlobRepair({ store, modelBuilder: new ModelBuilder(() => builder), events });
});

const builds = () => builder.jobs.filter(({ kind }) => kind === 'build');
const newest = async () => (await events.query({ limit: 1 }))[0];

it('encodes a damaged shard again, once for all who ask, and says so', async () => {
  builder.damaged.add(SHARD);
  builder.repairable.add(SHARD);
  expect(await Promise.all([repair.repair(SHARD), repair.repair(SHARD)])).toEqual([null, null]);
  expect(builds()).toHaveLength(1);
  expect(await newest()).toMatchObject({ kind: 'blob-repaired', level: 'warning', deployment: 'digits' });
});

it('leaves an intact file alone', async () => {
  expect(await repair.repair(SHARD)).toBeNull();
  expect(builds()).toEqual([]);
  expect(await newest()).toBeUndefined();
});

it.each([
  ['a shard that the build does not make intact', SHARD, null],
  ['a shard of a damaged model', SHARD, new ApiError(500, 'damaged-model', 'The file is damaged.')],
  ['a file of a model', MODEL_FILE, null],
])('reports %s once, with the way out', async (_what, sha256, failure) => {
  builder.damaged.add(sha256);
  if (failure !== null) builder.failures.build = failure;
  expect(await repair.repair(sha256)).toContain('Upload the same model again');
  expect(await repair.repair(sha256)).toContain('the model lenet5');
  expect((await events.query({ limit: 10 })).filter(({ kind }) => kind === 'blob-damaged')).toHaveLength(1);
});

it('says that no model contains a file', async () => {
  builder.damaged.add(digest('9'));
  expect(await repair.repair(digest('9'))).toContain('no model contains it');
});

it('passes on why a repair fails', async () => {
  builder.damaged.add(SHARD);
  builder.failures.build = new ApiError(507, 'disk-full', 'The disk is full.');
  expect(await repair.repair(SHARD)).toBe('The disk is full.');
});

it('verifies every file in use, and repairs the damaged ones', async () => {
  builder.damaged.add(SHARD).add(digest('9'));
  builder.repairable.add(SHARD);
  // The graph, weights and profile of the model; the graphs and weights of four shards, three with one graph.
  expect(await repair.scrub()).toEqual({ verified: 8, damaged: 1 });
  expect(await repair.scrub()).toEqual({ verified: 8, damaged: 0 });
});
