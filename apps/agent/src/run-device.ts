import { randomUUID } from 'node:crypto';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { createAdaptiveEngine } from '@sparewheel/engine';
import {
  type DeviceAuth,
  type FromDevice,
  type Hello,
  NAMESPACES,
  type Outcome,
  PROTOCOL_VERSION,
  TENSOR_EVENT,
  type ToDevice,
} from '@sparewheel/protocol';
import { systemClock } from './clock.ts';
import { ComputeQueue } from './compute-queue.ts';
import { Connection } from './connection.ts';
import { Control } from './control.ts';
import type { DeviceSettings } from './device-messages.ts';
import { Faults } from './faults.ts';
import { FileShardStore } from './file-shard-store.ts';
import { collectStatistics } from './statistics.ts';
import { TaskTable } from './task-table.ts';
import { AGENT_VERSION } from './version.ts';

const STATISTICS_INTERVAL_MS = 1_000;

export interface RunningDevice {
  /**
   * Sets a fault beside the network.
   * @throws {InvalidMessageError}
   */
  setFault(fault: unknown): void;
  close(): Promise<void>;
}

/**
 * Puts a device together and connects it: the store, the engine, the task table, and the two connections.
 * Resolves when it has begun to connect.
 * @param log  told what a person may want to know
 */
export async function runDevice(
  settings: DeviceSettings,
  log: (message: string) => void,
): Promise<RunningDevice> {
  const [store, engine] = await Promise.all([
    FileShardStore.open(join(settings.folder, 'blobs')),
    createAdaptiveEngine({ log }),
  ]);
  const auth: DeviceAuth = {
    protocol: PROTOCOL_VERSION,
    token: settings.token,
    device: settings.identity,
    incarnation: randomUUID(),
  };
  const control = new Connection(settings.url, NAMESPACES.control, auth);
  const tensors = new Connection(settings.url, NAMESPACES.tensors, auth);
  const faults = new Faults(Math.random, (partitioned) => {
    control.setPartitioned(partitioned);
    tensors.setPartitioned(partitioned);
  });
  const tasks = new TaskTable(engine, store);
  const queue = new ComputeQueue({
    engine,
    tasks,
    faults,
    clock: systemClock,
    send: (message: FromDevice) => tensors.send(TENSOR_EVENT, message),
  });
  const commands = new Control(store, tasks, faults);

  for (const [event, handle] of Object.entries(commands.handlers)) {
    control.socket.on(event, async (message: unknown, acknowledge: unknown) => {
      const outcome = await handle(message);
      if (typeof acknowledge === 'function' && !faults.partitioned) acknowledge(outcome);
    });
  }
  control.socket.on('connect', () => {
    const hello: Hello = {
      name: settings.name,
      agentVersion: AGENT_VERSION,
      platform: `${process.platform}-${process.arch}, Node ${process.versions.node}`,
      engine: engine.backend,
      processId: process.pid,
      memoryBytes: totalmem(),
      held: [...store.held()],
    };
    control.send('hello', hello, (outcome: Outcome) => {
      if (!outcome.ok) log(`the data plane refuses this device: ${outcome.message}`);
    });
  });
  control.socket.on('disconnect', () => void store.abandonIncomplete());
  tensors.socket.on(TENSOR_EVENT, (message: ToDevice) => queue.receive(message));
  // Whoever asked is gone, and another asker's request may bear the same number.
  tensors.socket.on('disconnect', () => queue.clear());

  const statistics = setInterval(
    () => control.send('statistics', collectStatistics(queue, store)),
    STATISTICS_INTERVAL_MS,
  );
  control.open();
  tensors.open();
  return {
    setFault: (fault) => commands.setFault(fault),
    async close() {
      clearInterval(statistics);
      control.close();
      tensors.close();
      await engine.close();
    },
  };
}
