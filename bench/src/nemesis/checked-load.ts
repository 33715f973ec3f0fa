import { InferenceClient } from '../inference-client.ts';
import { ANSWER_TOLERANCE, type KnownCase, relativeError } from '../lenet5-reference.ts';
import type { Checker, Outcome } from './checker.ts';

/** Far beyond the request deadline of 10 s. A request without a response by then is lost. */
const TIMEOUT_MS = 30_000;
/** Longest pause between two requests of a client. Leaves processor time for devices that restart. */
const MAX_PAUSE_MS = 16;
const PAUSE_AFTER_FAILURE_MS = 60;

/** Clients that send digits continuously, with one request in flight each, and check every answer. */
export class CheckedLoad {
  readonly #clients: Promise<void>[] = [];
  readonly #checker: Checker;
  readonly #cases: readonly KnownCase[];
  readonly #client: InferenceClient;
  #stopped = false;

  constructor(port: number, token: string, checker: Checker, cases: readonly KnownCase[]) {
    this.#checker = checker;
    this.#cases = cases;
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
    const known = this.#cases[at % this.#cases.length]!;
    const request = this.#checker.sent(deployment);
    const inferred = await this.#client.infer(deployment, known.request);
    const outcome = evaluate(inferred, known);
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

function evaluate(inferred: Awaited<ReturnType<InferenceClient['infer']>>, known: KnownCase): Outcome {
  switch (inferred.kind) {
    case 'broken':
      return { kind: 'broken', reason: inferred.reason };
    case 'refused':
      return { kind: 'failed', code: inferred.code, message: inferred.message };
    case 'answered': {
      const error = relativeError(inferred.output, known.logits);
      const { recovered, rescued } = inferred;
      return error <= ANSWER_TOLERANCE ? { kind: 'correct', recovered, rescued } : { kind: 'wrong', error };
    }
  }
}
