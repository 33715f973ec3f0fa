import { InferenceClient } from '../inference-client.ts';
import { ANSWER_TOLERANCE, type KnownCase, relativeError } from '../lenet5-reference.ts';
import type { Outcome, Tally } from './tally.ts';

/** Far beyond the deadline of 10 s: what has not come by then is lost. */
const GIVE_UP_MS = 30_000;
/** A client thinks for up to this long between two requests, so that devices have processor time to come back. */
const THINK_MS = 16;
const PAUSE_AFTER_FAILURE_MS = 60;

/** Clients that send digits without end, one request at a time each, and check every answer. */
export class CheckedLoad {
  readonly #clients: Promise<void>[] = [];
  readonly #tally: Tally;
  readonly #cases: readonly KnownCase[];
  readonly #client: InferenceClient;
  #stopped = false;

  constructor(port: number, token: string, tally: Tally, cases: readonly KnownCase[]) {
    this.#tally = tally;
    this.#cases = cases;
    this.#client = new InferenceClient(port, token, GIVE_UP_MS);
  }

  start(deployment: string, clients: number): void {
    for (let client = 0; client < clients; client++) this.#clients.push(this.#run(deployment, client));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#clients);
    this.#client.close();
  }

  /** One request, checked and booked. */
  async once(deployment: string, at = 0): Promise<Outcome> {
    const known = this.#cases[at % this.#cases.length]!;
    const open = this.#tally.sent(deployment);
    const inferred = await this.#client.infer(deployment, known.request);
    const outcome = judge(inferred, known);
    this.#tally.ended(open, outcome);
    return outcome;
  }

  async #run(deployment: string, client: number): Promise<void> {
    for (let at = client; !this.#stopped; at++) {
      const { kind } = await this.once(deployment, at);
      const pauseMs = kind === 'right' ? Math.random() * THINK_MS : PAUSE_AFTER_FAILURE_MS;
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }
}

function judge(inferred: Awaited<ReturnType<InferenceClient['infer']>>, known: KnownCase): Outcome {
  switch (inferred.kind) {
    case 'broken':
      return { kind: 'broken', reason: inferred.reason };
    case 'refused':
      return { kind: 'failed', code: inferred.code, message: inferred.message };
    case 'answered': {
      const error = relativeError(inferred.output, known.logits);
      const { recovered, rescued } = inferred;
      return error <= ANSWER_TOLERANCE ? { kind: 'right', recovered, rescued } : { kind: 'wrong', error };
    }
  }
}
