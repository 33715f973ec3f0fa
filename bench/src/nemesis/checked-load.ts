import { InferenceClient, type PreparedRequest } from '../inference-client.ts';
import { relativeError } from '../lenet5-reference.ts';
import type { Checker, Outcome } from './checker.ts';

/** Far beyond the request deadline of 10 s. A request without a response by then is lost. */
const TIMEOUT_MS = 30_000;
/** Longest pause between two requests of a client. Leaves processor time for devices that restart. */
const MAX_PAUSE_MS = 16;
const PAUSE_AFTER_FAILURE_MS = 60;

/** The requests of one deployment, with the outputs that they must get. */
export interface KnownAnswers {
  readonly cases: readonly { readonly request: PreparedRequest; readonly output: Float32Array }[];
  /** Limit for max |a − b| ÷ max |b| of a correct answer. */
  readonly tolerance: number;
}

/** Clients that send requests continuously, with one request in flight each, and check every answer. */
export class CheckedLoad {
  readonly #clients: Promise<void>[] = [];
  readonly #checker: Checker;
  readonly #answersOf: (deployment: string) => KnownAnswers;
  readonly #client: InferenceClient;
  #stopped = false;

  constructor(
    port: number,
    token: string,
    checker: Checker,
    answersOf: (deployment: string) => KnownAnswers,
  ) {
    this.#checker = checker;
    this.#answersOf = answersOf;
    this.#client = new InferenceClient(port, token, TIMEOUT_MS);
  }

  start(deployment: string, clients: number): void {
    for (let client = 0; client < clients; client++) this.#clients.push(this.#run(deployment, client));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#clients);
    this.#client.close();
  }

  /** Sends one request, checks the answer and reports the outcome to the checker. */
  async once(deployment: string, at = 0): Promise<Outcome> {
    const { cases, tolerance } = this.#answersOf(deployment);
    const known = cases[at % cases.length]!;
    const request = this.#checker.sent(deployment);
    const inferred = await this.#client.infer(deployment, known.request);
    const outcome = evaluate(inferred, known.output, tolerance);
    this.#checker.ended(request, outcome);
    return outcome;
  }

  async #run(deployment: string, client: number): Promise<void> {
    for (let at = client; !this.#stopped; at++) {
      const { kind } = await this.once(deployment, at);
      const pauseMs = kind === 'correct' ? Math.random() * MAX_PAUSE_MS : PAUSE_AFTER_FAILURE_MS;
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }
}

function evaluate(
  inferred: Awaited<ReturnType<InferenceClient['infer']>>,
  expected: Float32Array,
  tolerance: number,
): Outcome {
  switch (inferred.kind) {
    case 'broken':
      return { kind: 'broken', reason: inferred.reason };
    case 'refused':
      return { kind: 'failed', code: inferred.code, message: inferred.message };
    case 'answered': {
      const error = relativeError(inferred.output, expected);
      const { recovered, rescued } = inferred;
      return error <= tolerance ? { kind: 'correct', recovered, rescued } : { kind: 'wrong', error };
    }
  }
}
