/** Runs e2e/src/triton_client.py, which makes the calls of Triton's Python client. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type Product, repositoryRoot } from './product.ts';

/** The exit code of the script where the client is not installed. */
const SKIPPED = 77;

export interface ClientCall {
  readonly call: string;
  readonly ok: boolean;
  readonly detail: string;
}

export interface ClientCalls {
  readonly calls: readonly ClientCall[];
  /** Why no call was made, or none over one of the protocols. */
  readonly skipped: readonly string[];
}

/**
 * Makes the calls with the Python of the environment variable PYTHON, by default `python3`.
 * @throws {Error} the script ended with neither results nor a reason to skip
 */
export async function tritonClientCalls(product: Product, deployment: string): Promise<ClientCalls> {
  const { data, grpc } = product.ports;
  const python = process.env.PYTHON ?? 'python3';
  const script = join(repositoryRoot, 'e2e', 'src', 'triton_client.py');
  const child = spawn(
    python,
    [script, '--http', `127.0.0.1:${data}`, '--grpc', `127.0.0.1:${grpc}`, '--deployment', deployment],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, SPAREWHEEL_INFER_TOKEN: product.tokens.infer },
    },
  );
  const failed = once(child, 'error').then(([error]) => error as Error);
  const ended = Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  const result = await Promise.race([failed, ended]);
  if (result instanceof Error) return { calls: [], skipped: [`${python}: ${result.message}`] };
  const [output, errors, [code]] = result;
  if (![0, 1, SKIPPED].includes(code as number) || output.trim() === '') {
    throw new Error(`${script} ended with ${code}:\n${errors.slice(-2000)}`);
  }
  const lines = output
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as ClientCall | { readonly skipped: string });
  return {
    calls: lines.flatMap((line) => ('skipped' in line ? [] : line)),
    skipped: lines.flatMap((line) => ('skipped' in line ? line.skipped : [])),
  };
}
