import { EngineError } from '@sparewheel/engine/contract';
import {
  InvalidMessageError,
  type Outcome,
  parseBlobChunk,
  parseFault,
  parseRetain,
  parseTask,
  parseUnload,
} from '@sparewheel/protocol';
import type { Faults } from './faults.ts';
import { type ShardStore, ShardStoreError } from './shard-store.ts';
import type { TaskTable } from './task-table.ts';

/** Handles the data plane's events on `/control`. Each returns an Outcome; invalid messages do not throw. */
export class Control {
  readonly #store: ShardStore;
  readonly #tasks: TaskTable;
  readonly #faults: Faults;
  #partitionTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(store: ShardStore, tasks: TaskTable, faults: Faults) {
    this.#store = store;
    this.#tasks = tasks;
    this.#faults = faults;
  }

  /** Handlers by event name. */
  readonly handlers: Readonly<Record<string, (message: unknown) => Promise<Outcome>>> = {
    blob: (message) => outcomeOf(() => this.#store.write(parseBlobChunk(message))),
    load: (message) => outcomeOf(() => this.#tasks.load(parseTask(message))),
    unload: (message) => outcomeOf(() => this.#tasks.unload(parseUnload(message).task)),
    retain: (message) =>
      outcomeOf(async () => {
        const { blobs } = parseRetain(message);
        await this.#tasks.retain(blobs);
        await this.#store.retain(blobs);
      }),
    fault: (message) => outcomeOf(async () => this.setFault(message)),
  };

  /** @throws {InvalidMessageError} */
  setFault(message: unknown): void {
    const fault = parseFault(message);
    // A partition starts in a later turn, after its acknowledgement was sent. A heal in between cancels it.
    if (fault.kind === 'partition' || fault.kind === 'heal') clearTimeout(this.#partitionTimer);
    if (fault.kind === 'partition') this.#partitionTimer = setTimeout(() => this.#faults.set(fault), 0);
    else this.#faults.set(fault);
  }
}

async function outcomeOf(work: () => Promise<void>): Promise<Outcome> {
  try {
    await work();
    return { ok: true };
  } catch (error) {
    return failureOutcome(error);
  }
}

/** Returns the Outcome that reports an error to the data plane. */
export function failureOutcome(error: unknown): Outcome {
  const message = (error instanceof Error ? error.message : String(error)).slice(0, 2_000);
  if (error instanceof InvalidMessageError) return { ok: false, code: 'invalid-message', message };
  if (error instanceof ShardStoreError || error instanceof EngineError) {
    return { ok: false, code: error.code, message };
  }
  return { ok: false, code: 'failed', message };
}
