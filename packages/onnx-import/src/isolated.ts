import { fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  DynamicShapeError,
  ExternalDataError,
  ModelRejectedError,
  type RejectionCode,
} from '@sparewheel/onnx';
import type { CanonicalModel, CanonicalOptions } from './canonical.ts';

/** What the child says before it ends; saying nothing is an answer too. */
export type ChildReply =
  | { readonly kind: 'done'; readonly model: CanonicalModel }
  | { readonly kind: 'dynamic-shape'; readonly input: string; readonly dimension: string | number }
  | {
      readonly kind: 'external-data';
      readonly tensor: string;
      readonly location: string;
      readonly problem: string;
    }
  | {
      readonly kind: 'rejected';
      readonly code: RejectionCode;
      readonly message: string;
      readonly hint: string | undefined;
    }
  | { readonly kind: 'failed'; readonly message: string; readonly system: string | undefined };

export interface ChildOptions {
  /** The file of `@sparewheel/onnx/canonical-child`, as it runs here: bundled, or as source with a loader. */
  readonly childPath: string;
  /** Node's own arguments for the child; those of this process where they are not given. */
  readonly execArgv?: readonly string[];
  /** After this the child is killed and the model refused. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

/**
 * `canonicalise` in a process of its own. ONNX Runtime is native code: some models that nobody meant well with crash
 * it or keep it busy for hours, and it cannot be stopped from within. Here that costs the child and nothing else.
 * @throws {ModelRejectedError} as `canonicalise`; DOES_NOT_RUN where the child crashed or took too long
 * @throws {Error} the child could not do its work, with the system's `code` where it has one (ENOSPC, say)
 */
export async function canonicaliseInChild(
  options: CanonicalOptions,
  { childPath, execArgv, timeoutMs, signal }: ChildOptions,
): Promise<CanonicalModel> {
  signal?.throwIfAborted();
  // A child that crashes leaves its files behind, hence a directory around its directory.
  const scratchDirectory = mkdtempSync(join(options.scratchDirectory, 'child-'));
  const child = fork(childPath, {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    ...(execArgv ? { execArgv: [...execArgv] } : {}),
  });
  let timedOut = false;
  const kill = () => child.kill('SIGKILL');
  const timer = setTimeout(() => {
    timedOut = true;
    kill();
  }, timeoutMs);
  signal?.addEventListener('abort', kill, { once: true });
  try {
    let reply: ChildReply | undefined;
    child.on('message', (message) => {
      reply = message as ChildReply;
    });
    const ended = new Promise<{ code: number | null; by: NodeJS.Signals | null }>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code, by) => resolve({ code, by }));
    });
    child.send({ ...options, scratchDirectory });
    const { code, by } = await ended;
    signal?.throwIfAborted();
    if (reply) return unwrap(reply);
    throw new ModelRejectedError(
      'DOES_NOT_RUN',
      timedOut
        ? `the model was not loaded and run once within ${timeoutMs / 1000} s`
        : `ONNX Runtime crashed on the model (${by ?? `exit code ${code}`})`,
      'check that the model runs in ONNX Runtime, and with which input dimensions',
    );
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', kill);
    kill();
    rmSync(scratchDirectory, { recursive: true, force: true });
  }
}

function unwrap(reply: ChildReply): CanonicalModel {
  switch (reply.kind) {
    case 'done':
      return reply.model;
    case 'dynamic-shape':
      throw new DynamicShapeError(reply.input, reply.dimension);
    case 'external-data':
      throw new ExternalDataError(reply.tensor, reply.location, reply.problem);
    case 'rejected':
      throw new ModelRejectedError(reply.code, reply.message, reply.hint);
    case 'failed':
      throw Object.assign(new Error(reply.message), reply.system ? { code: reply.system } : {});
  }
}
