import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataPlaneLink } from '@sparewheel/data-plane-client';
import { deviceView, FakeDataPlane } from '@sparewheel/data-plane-client/testing';
import { BlobStore, ModelBuilder } from '@sparewheel/model-builder';
import type { FastifyInstance, InjectOptions } from 'fastify';
import { createApi } from '../api/api.ts';
import { Authentication } from '../api/authentication.ts';
import { MemoryStore } from '../database/memory-store.ts';
import type { Store } from '../database/store.ts';
import { Deployments } from '../deployments/deployments.ts';
import { EventLog } from '../events/event-log.ts';
import { LiveViews } from '../live-views.ts';
import { Models } from '../models/models.ts';
import { NetworkPresets } from '../network/network-presets.ts';
import { FakeModelBuilder } from './fake-model-builder.ts';

export const TOKENS = {
  operator: 'operator-token-of-the-tests',
  join: 'join-token-of-the-tests',
  infer: 'infer-token-of-the-tests',
  metrics: 'metrics-token-of-the-tests',
};
/** A valid deployment request. */
export const DIGITS = { name: 'digits', model: 'lenet5', k: 2, r: 1, layers: 'all' };
const FLEET = ['device-0001', 'device-0002', 'device-0003', 'device-0004'].map((id) => deviceView(id));

/** The API with a store in memory and fakes of both worker threads. */
export class TestApi {
  private constructor(
    readonly app: FastifyInstance,
    readonly store: Store,
    readonly dataPlane: FakeDataPlane,
    readonly modelBuilder: FakeModelBuilder,
    readonly deployments: Deployments,
    readonly events: EventLog,
    readonly scratch: string,
    readonly authentication: Authentication,
    private readonly home: string,
  ) {}

  /** @param port  the port that the fake data plane reports */
  static async start({
    store = new MemoryStore() as Store,
    port = 3001,
    now = () => performance.now(),
  } = {}): Promise<TestApi> {
    const home = await mkdtemp(join(tmpdir(), 'sparewheel-api-'));
    const scratch = join(home, 'scratch');
    await mkdir(scratch);
    const blobs = new BlobStore(join(home, 'blobs'));
    await blobs.open();
    const dataPlane = new FakeDataPlane();
    const fakeModelBuilder = new FakeModelBuilder();
    const link = new DataPlaneLink(() => dataPlane);
    const modelBuilder = new ModelBuilder(() => fakeModelBuilder);
    const events = await EventLog.open(store);
    const live = new LiveViews();
    const network = new NetworkPresets({ dataPlane: link, events, devices: () => live.devices, now });
    const deployments = new Deployments(
      {
        network: (name) => network.view(name),
        store,
        modelBuilder,
        dataPlane: link,
        blobs,
        events,
        devices: () => live.devices,
        now,
      },
      () => {},
    );
    const models = new Models(
      { store, modelBuilder, events, collectGarbage: () => deployments.collectGarbage() },
      () => {},
    );
    link.on('views', (views) => {
      live.devices = views.devices;
      live.latency = views.latency;
      network.review(deployments.views());
      deployments.setRuntimes(views.deployments, views.preloads);
    });
    link.on('listening', () => deployments.handOverAll());
    await deployments.open();
    await link.start();
    link.attend();
    dataPlane.listen(port);
    dataPlane.report(FLEET);
    const authentication = new Authentication(TOKENS, 3000);
    const app = await createApi({
      authentication,
      dataPlane: link,
      deployments,
      network,
      models,
      events,
      store,
      live,
      scratch,
      startedAt: '2026-11-23T10:00:00.000Z',
      inference: { host: '127.0.0.1', token: TOKENS.operator },
      joinToken: TOKENS.join,
      joinAddresses: () => ({ host: '127.0.0.1', addresses: [] }),
    });
    return new TestApi(
      app,
      store,
      dataPlane,
      fakeModelBuilder,
      deployments,
      events,
      scratch,
      authentication,
      home,
    );
  }

  /** Sends a request as the operator. */
  async ask(method: NonNullable<InjectOptions['method']>, url: string, payload?: unknown, headers = {}) {
    const response = await this.app.inject({
      method,
      url,
      headers: { authorization: `Bearer ${TOKENS.operator}`, ...headers },
      ...(payload === undefined ? {} : { payload: payload as NonNullable<InjectOptions['payload']> }),
    });
    return {
      status: response.statusCode,
      headers: response.headers,
      // biome-ignore lint/suspicious/noExplicitAny: tests read any field of the response
      body: (response.body === '' ? null : safeJson(response.body)) as any,
    };
  }

  /** Uploads a model "lenet5" and deploys it as "digits". Resolves when it is being distributed. */
  async deployed(): Promise<void> {
    await this.upload('lenet5', 'bytes of a model');
    const { status, body } = await this.ask('POST', '/api/deployments', DIGITS);
    if (status !== 202) throw new Error(`${status}: ${JSON.stringify(body)}`);
    await this.deploymentIs('digits', 'distributing');
  }

  upload(name: string, bytes: Buffer | string, query = '') {
    return this.ask('POST', `/api/models?name=${encodeURIComponent(name)}${query}`, Buffer.from(bytes), {
      'content-type': 'application/octet-stream',
    });
  }

  /** Waits for a state of a deployment. */
  async deploymentIs(name: string, state: string): Promise<void> {
    for (let turn = 0; turn < 1000; turn++) {
      if (this.deployments.views().some((view) => view.name === name && view.state === state)) return;
      await new Promise((resolve) => setImmediate(resolve));
    }
    throw new Error(`${name} did not become ${state}: ${JSON.stringify(this.deployments.views())}`);
  }

  async close(): Promise<void> {
    await this.app.close();
    await this.events.flush();
    await rm(this.home, { recursive: true, force: true });
  }
}

function safeJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
