import { deviceView } from '@sparewheel/data-plane-client/testing';
import type { Artifact } from '@sparewheel/planner';
import { ApiError } from '@sparewheel/protocol';
import { describe, expect, it, vi } from 'vitest';
import { smallArtifacts } from '../testing/records.ts';
import { TestApi } from '../testing/test-api.ts';
import { promisedDevices } from './preloading.ts';

const device = (id: string, held = 0, state: 'ready' | 'lost' = 'ready') => ({
  id,
  state,
  seats: Array.from({ length: held }, (_, seat) => ({
    deployment: 'other',
    seat,
    role: 'data' as const,
    state: 'ready' as const,
  })),
});

describe('the devices that shards are sent ahead to', () => {
  it('are those that the plan wants where they are ready, and no others in their seats', () => {
    const fleet = [device('a'), device('b', 0, 'lost'), device('c')];
    expect(promisedDevices(['c', 'b', 'gone'], fleet)).toEqual(['c', undefined, undefined]);
  });

  it('are else the ready ones with the fewest seats, none twice and none that is wanted elsewhere', () => {
    const fleet = [device('a', 2), device('b'), device('c', 1), device('d', 0, 'lost'), device('e')];
    expect(promisedDevices([null, 'b', null, null, null], fleet)).toEqual(['e', 'b', 'c', 'a', undefined]);
  });
});

describe('while a deployment is being prepared', () => {
  const [first, second] = smallArtifacts.fc!;

  /** A deployment whose shards are being encoded, for devices that are ready. */
  async function preparing() {
    const api = await TestApi.start();
    api.dataPlane.report(['device-a', 'device-b', 'device-c'].map((id) => deviceView(id)));
    await api.upload('lenet5', 'bytes of a model');
    api.modelBuilder.hold = true;
    await api.ask('POST', '/api/deployments', { name: 'digits', model: 'lenet5', k: 2, r: 1 });
    await vi.waitFor(() => expect(api.modelBuilder.jobs.at(-1)?.kind).toBe('build'));
    const made = (artifact: Artifact, ...seats: number[]) =>
      api.modelBuilder.progress({ fraction: 0.1, made: { artifact, seats } });
    return { api, made };
  }

  it('each shard goes ahead as soon as it is made, to a device of its own', async () => {
    const { api, made } = await preparing();
    await made(first!, 0);
    await made(second!, 1);
    await made(second!);
    const preloaded = api.dataPlane.callsOf('preload');
    expect(preloaded).toMatchObject([
      { name: 'digits', artifact: first },
      { name: 'digits', artifact: second },
    ]);
    expect(new Set(preloaded.map(({ device }) => device)).size).toBe(2);
    api.modelBuilder.release();
    await api.deploymentIs('digits', 'distributing');
    expect(api.dataPlane.callsOf('cancel-preload')).toEqual([]);
    await api.close();
  });

  it('what went ahead of one that is deleted is given up, and no more follows', async () => {
    const { api, made } = await preparing();
    await made(first!, 0);
    await api.ask('DELETE', '/api/deployments/digits');
    await made(second!, 1);
    api.modelBuilder.release();
    await vi.waitFor(() =>
      expect(api.dataPlane.callsOf('cancel-preload')).toEqual([{ kind: 'cancel-preload', name: 'digits' }]),
    );
    expect(api.dataPlane.callsOf('preload')).toHaveLength(1);
    await api.close();
  });

  it('what went ahead of one that cannot be encoded is given up', async () => {
    const { api, made } = await preparing();
    await made(first!, 0);
    api.modelBuilder.failures.build = new ApiError(400, 'layer-not-codable', 'A weight is NaN.');
    api.modelBuilder.release();
    await api.deploymentIs('digits', 'failed');
    expect(api.dataPlane.callsOf('cancel-preload')).toHaveLength(1);
    await api.close();
  });
});
