/** A data plane in the thread of the test that records its messages. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DataPlaneMessage, DataPlaneOptions, DeploymentRuntime } from '@sparewheel/data-plane-client';
import { createDirectEngine } from '@sparewheel/engine';
import type { DeviceView } from '@sparewheel/protocol';
import { DataPlane } from '../data-plane.ts';

export const TEST_TOKENS = {
  operatorToken: 'the-operator',
  inferToken: 'the-client',
  joinToken: 'the-agent',
};

type Views = Extract<DataPlaneMessage, { kind: 'views' }>;

export class TestPlane {
  readonly plane: DataPlane;
  readonly blobs: string;
  readonly messages: DataPlaneMessage[];
  readonly #waiting: Set<() => void>;

  private constructor(
    plane: DataPlane,
    blobs: string,
    messages: DataPlaneMessage[],
    waiting: Set<() => void>,
  ) {
    this.plane = plane;
    this.blobs = blobs;
    this.messages = messages;
    this.#waiting = waiting;
  }

  static async start(options: Partial<DataPlaneOptions> = {}): Promise<TestPlane> {
    const blobs = options.blobs ?? (await mkdtemp(join(tmpdir(), 'sparewheel-blobs-')));
    const messages: DataPlaneMessage[] = [];
    const waiting = new Set<() => void>();
    const plane = await DataPlane.start(
      { host: '127.0.0.1', port: 0, devices: [], ...TEST_TOKENS, ...options, blobs },
      (message) => {
        messages.push(message);
        for (const check of waiting) check();
      },
      // In this thread: tests compute very little, and starting engine threads takes seconds.
      createDirectEngine,
    );
    return new TestPlane(plane, blobs, messages, waiting);
  }

  get url(): string {
    return `http://127.0.0.1:${this.plane.port}`;
  }

  get views(): Views | null {
    return (this.messages.findLast(({ kind }) => kind === 'views') as Views | undefined) ?? null;
  }

  device(name: string): DeviceView | undefined {
    return this.views?.devices.find((device) => device.name === name);
  }

  deployment(name: string): DeploymentRuntime | undefined {
    return this.views?.deployments.find((deployment) => deployment.name === name);
  }

  /** Returns the events of a kind, oldest first. */
  events(kind: string): Extract<DataPlaneMessage, { kind: 'event' }>['event'][] {
    return this.messages.flatMap((message) =>
      message.kind === 'event' && message.event.kind === kind ? [message.event] : [],
    );
  }

  /**
   * Resolves when a posted message makes the condition true. Only the timeout of the test limits the wait.
   */
  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const check = (): void => {
        if (!condition()) return;
        this.#waiting.delete(check);
        resolve();
      };
      this.#waiting.add(check);
      check();
    });
  }

  async stop(): Promise<void> {
    await this.plane.call({ kind: 'stop' });
    await rm(this.blobs, { recursive: true, force: true });
  }
}
