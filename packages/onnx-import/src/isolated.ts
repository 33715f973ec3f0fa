import { fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  DynamicShapeError,
  ExternalDataError,
  ModelRejectedError,
  type RejectionCode,
} from '@sparewheel/onnx';
import { siblingEntry } from '@sparewheel/runtime/entry';
import type { CanonicalModel, CanonicalOptions } from './canonical.ts';

/** The child's only message. A child that exits without a message has crashed. */
export type ChildReply =
  | { readonly kind: 'done'; readonly model: CanonicalModel }
  | { readonly kind: 'dynamic-shape'; readonly input: string }
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

/** The files of a model: an ONNX file, or the JSON files of an upload with a TensorFlow.js model. */
export type ModelFiles = { readonly modelPath: string } | { readonly tfjsJsonPaths: readonly string[] };

/** What the child process converts. */
export type ChildJob = Omit<CanonicalOptions, 'modelPath'> & ModelFiles;

/** The module that the child process runs, and Node's arguments for it. */
export interface CanonicalChild {
  readonly path: string;
  readonly execArgv: readonly string[];
}

export interface ChildOptions {
  /** After this time the child is killed and the model rejected. */
  readonly timeoutMs: number;
  /** Kills the child. */
  readonly signal?: AbortSignal | undefined;
  /** Replaces the child process in tests. */
  readonly child?: CanonicalChild | undefined;
}

/**
 * Runs `canonicalize` in a child process, after the conversion of a TensorFlow.js model. ONNX Runtime is native code: a hostile model can crash it or keep
 * it busy for hours, and a thread cannot be stopped from outside.
 * @throws {ModelRejectedError} as `canonicalize`; DOES_NOT_RUN if the child crashed or timed out
 * @throws {Error} the child failed for another reason; with the system's `code`, such as ENOSPC, if any
 */
export async function canonicalizeInChild(
  options: ChildJob,
  { timeoutMs, signal, child: { path, execArgv } = canonicalChild() }: ChildOptions,
): Promise<CanonicalModel> {
  signal?.throwIfAborted();
  // A crashed child leaves files behind, so it gets a directory that the parent removes.
  const scratchDirectory = mkdtempSync(join(options.scratchDirectory, 'child-'));
  const child = fork(path, { stdio: ['ignore', 'ignore', 'ignore', 'ipc'], execArgv: [...execArgv] });
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
        ? `loading and running the model once took longer than ${timeoutMs / 1000} s`
        : `ONNX Runtime crashed on the model (${by ?? `exit code ${code}`})`,
      'check that the model runs in ONNX Runtime with these input dimensions',
    );
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', kill);
    kill();
    rmSync(scratchDirectory, { recursive: true, force: true });
  }
}

function canonicalChild(): CanonicalChild {
  const names = { source: './canonical-child.ts', bundled: './canonical-child.js' };
  return siblingEntry(import.meta.url, names).process;
}

function unwrap(reply: ChildReply): CanonicalModel {
  switch (reply.kind) {
    case 'done':
      return reply.model;
    case 'dynamic-shape':
      throw new DynamicShapeError(reply.input);
    case 'external-data':
      throw new ExternalDataError(reply.tensor, reply.location, reply.problem);
    case 'rejected':
      throw new ModelRejectedError(reply.code, reply.message, reply.hint);
    case 'failed':
      throw Object.assign(new Error(reply.message), reply.system ? { code: reply.system } : {});
  }
}
