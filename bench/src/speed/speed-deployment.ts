import { readFile } from 'node:fs/promises';
import type { Product } from '@sparewheel/e2e/product';
import { partOf, type Step } from '@sparewheel/planner';
import { InferenceClient, type Inferred, type PreparedRequest, prepareRequest } from '../inference-client.ts';
import { relativeError } from '../lenet5-reference.ts';
import type { PlainMeasurement } from './plain-runtime.ts';
import { inputValues } from './speed-network.ts';

const DEPLOY_TIMEOUT_MS = 600_000;
/** A slow host needs seconds for a request to a large network. */
const DEADLINE_MS = 60_000;

/** The fields of `POST /api/deployments` that the speed benchmarks vary. */
export interface PlanChoice {
  readonly layers: 'all' | 'auto';
  readonly splits: 'auto' | 'weights' | 'inputs' | 'tiles' | 'slices';
  readonly objective: 'latency' | 'devices-only';
}

export const K = 4;
export const R = 1;

interface PlannedView {
  readonly state: string;
  readonly reason: string | null;
  readonly plan?: { readonly steps: readonly Step[] };
}

function hopsOf(steps: readonly Step[]): number {
  return new Set(steps.flatMap((step) => (step.kind === 'local' ? [] : (partOf(step)?.fetch ?? step.id))))
    .size;
}

/** A network on the product, and requests to it. */
export class SpeedDeployment {
  readonly #client: InferenceClient;
  readonly #request: PreparedRequest;

  private constructor(
    private readonly product: Product,
    readonly name: string,
    /** How often a request goes to devices. The tiles or slices of one result count once. */
    readonly hops: number,
    private readonly plain: PlainMeasurement,
  ) {
    this.#client = new InferenceClient(product.ports.data, product.tokens.infer, 2 * DEADLINE_MS);
    const { name: input, dims } = plain.input;
    const elements = dims.reduce((product, dim) => product * dim, 1);
    this.#request = prepareRequest(input, dims, inputValues(elements));
  }

  /** Uploads a network under its name. */
  static async upload(product: Product, name: string, file: string): Promise<void> {
    const { status, body } = await product.api(`/api/models?name=${name}`, {
      method: 'POST',
      body: await readFile(file),
      headers: { 'content-type': 'application/octet-stream' },
    });
    if (status !== 201) throw new Error(`upload of ${name} failed: ${JSON.stringify(body)}`);
  }

  /** Deploys an uploaded network over K + R devices, and waits until it is ready. */
  static async create(
    product: Product,
    name: string,
    choice: PlanChoice,
    plain: PlainMeasurement,
  ): Promise<SpeedDeployment> {
    const { status, body } = await product.api('/api/deployments', {
      method: 'POST',
      json: {
        name,
        model: name,
        k: K,
        r: R,
        strategy: 'coded',
        policy: { deadlineMs: DEADLINE_MS },
        ...choice,
      },
    });
    if (status !== 202) throw new Error(`deployment of ${name} failed: ${JSON.stringify(body)}`);
    const { state, reason, plan } = await product.eventually(
      `deployment ${name} ready`,
      async () => {
        const view = (await product.api<PlannedView>(`/api/deployments/${name}`)).body;
        return ['ready', 'failed'].includes(view.state) && view;
      },
      DEPLOY_TIMEOUT_MS,
    );
    if (state === 'failed') throw new Error(`deployment of ${name} failed: ${reason}`);
    return new SpeedDeployment(product, name, hopsOf(plan?.steps ?? []), plain);
  }

  /** Sends one request. @throws {Error} it is not answered */
  async infer(): Promise<Extract<Inferred, { kind: 'answered' }>> {
    const answer = await this.#client.infer(this.name, this.#request);
    if (answer.kind !== 'answered') throw new Error(`${this.name} did not answer: ${JSON.stringify(answer)}`);
    return answer;
  }

  /** Sends one request. @returns the largest difference from plain ONNX Runtime ÷ the largest value */
  async outputDifference(): Promise<number> {
    return relativeError((await this.infer()).output, Float32Array.from(this.plain.output));
  }

  /** Deletes the deployment, so that the devices have room for the next. */
  async remove(): Promise<void> {
    this.close();
    const { status, body } = await this.product.api(`/api/deployments/${this.name}`, { method: 'DELETE' });
    if (status >= 300) throw new Error(`${this.name} was not deleted: ${JSON.stringify(body)}`);
    await this.product.eventually(`${this.name} deleted`, async () => {
      return (await this.product.api(`/api/deployments/${this.name}`)).status === 404;
    });
  }

  /** Closes the connections. */
  close(): void {
    this.#client.close();
  }
}
