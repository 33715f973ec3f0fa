import { deviceView } from '@sparewheel/data-plane-client/testing';
import type { Artifact } from '@sparewheel/planner';
import { ApiError } from '@sparewheel/protocol';
import { describe, expect, it, vi } from 'vitest';
import { smallArtifacts } from '../testing/records.ts';
import { TestApi } from '../testing/test-api.ts';
import { expectedDevices } from './preloading.ts';

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

describe('the devices that receive shards in advance', () => {
  it('are the devices of the plan, and none if those are not ready', () => {
    const fleet = [device('a'), device('b', 0, 'lost'), device('c')];
    expect(expectedDevices(['c', 'b', 'gone'], fleet)).toEqual(['c', undefined, undefined]);
  });

  it('are otherwise the ready devices with the fewest seats, each once', () => {
    const fleet = [device('a', 2), device('b'), device('c', 1), device('d', 0, 'lost'), device('e')];
    expect(expectedDevices([null, 'b', null, null, null], fleet)).toEqual(['e', 'b', 'c', 'a', undefined]);
  });
});

describe('while a deployment is being prepared', () => {
  const [first, second] = smallArtifacts.fc!;

  /** Creates a deployment whose shards are being encoded, with ready devices. */
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

  it('each shard is sent as soon as it is encoded, to a device of its own', async () => {
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

  it('the progress has the bytes that were sent ahead, and the expected device', async () => {
    const { api, made } = await preparing();
    await made(first!, 0);
    const seatOf = () => api.deployments.views()[0]!.progress.seats[0]!;
    const before = api.deployments.views()[0]!.progress;
    expect(before).toMatchObject({ phase: 'encoding', fraction: 0.05 });
    expect(seatOf()).toMatchObject({ device: null, sentBytes: 0 });
    const { device } = api.dataPlane.callsOf('preload')[0]!;
    const half = seatOf().totalBytes / 2;
    const devices = ['device-a', 'device-b', 'device-c'].map((id) => deviceView(id));
    const preloads = [{ deployment: 'digits', device, sentBytes: half, totalBytes: half }];
    api.dataPlane.say({ kind: 'views', devices, deployments: [], preloads, latency: [] });
    expect(seatOf()).toMatchObject({ device: null, deviceName: `name of ${device}`, sentBytes: half });
    expect(api.deployments.views()[0]!.progress.fraction).toBeGreaterThan(before.fraction);
    await api.close();
  });

  it('the transfers of a deleted deployment are abandoned, and no more follow', async () => {
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

  it('the transfers of a deployment that fails to encode are abandoned', async () => {
    const { api, made } = await preparing();
    await made(first!, 0);
    api.modelBuilder.failures.build = new ApiError(400, 'layer-not-codable', 'A weight is NaN.');
    api.modelBuilder.release();
    await api.deploymentIs('digits', 'failed');
    expect(api.dataPlane.callsOf('cancel-preload')).toHaveLength(1);
    await api.close();
  });
});
