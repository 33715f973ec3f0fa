import { Product } from '@sparewheel/e2e/product';
import type { ModelView } from '@sparewheel/protocol';
import type { Benchmark } from './benchmark.ts';
import { median, percentile } from './measure.ts';
import { untilMeasured } from './measured-fleet.ts';

const AGENTS = 6;
/** Warm-up requests per plan, until V8 has compiled the serving code; fewer for a slow plan. */
const WARMUPS = 200;
const WARMUP_BUDGET_MS = 10_000;
/** Measured requests per plan; fewer for a slow plan. */
const REQUESTS = 60;
const BUDGET_MS = 12_000;

/** METHODOLOGY.md gives the reason for this choice. */
const PLANS = [
  { model: 'lenet5', k: 2, r: 1, strategy: 'replicated', layers: 'all' },
  { model: 'lenet5', k: 4, r: 1, strategy: 'coded', layers: 'all' },
  { model: 'branchnet', k: 2, r: 1, strategy: 'coded', layers: 'all' },
  { model: 'alexnet', k: 4, r: 1, strategy: 'coded', layers: 'auto' },
  { model: 'alexnet', k: 2, r: 0, strategy: 'uncoded', layers: 'all' },
  { model: 'alexnet', k: 4, r: 1, strategy: 'coded', layers: 'all' },
] as const;

/** Choices of the option "auto" that are checked against measurements of both sides, divided and undivided. */
const AUTO_CHOICES = [
  { model: 'lenet5', k: 4, r: 1, strategy: 'coded' },
  { model: 'alexnet', k: 4, r: 1, strategy: 'coded' },
  { model: 'alexnet', k: 2, r: 0, strategy: 'uncoded' },
] as const;

/** The whole model on one device. */
const ONE_DEVICE = { k: 1, r: 0, strategy: 'replicated', layers: 'all' } as const;

interface Choice {
  readonly model: string;
  readonly k: number;
  readonly r: number;
  readonly strategy: string;
  readonly layers: 'auto' | 'all';
}

interface Explained {
  readonly runsWhole: string | null;
  readonly explanation: { readonly predictedMs: number; readonly measured: boolean };
}

/** Deploys a plan and measures it beside its prediction. */
async function measurePlan(product: Product, choice: Choice) {
  const { model: network, strategy, k, r, layers } = choice;
  const name = `${network}-${strategy}-${k}-${r}-${layers}`;
  const model = (await product.api<ModelView>(`/api/zoo/${network}`, { method: 'POST' })).body;
  const planned = await product.api<Explained>('/api/plans', { method: 'POST', json: choice });
  if (planned.status !== 200) throw new Error(`planning failed: ${JSON.stringify(planned.body)}`);
  const { predictedMs, measured } = planned.body.explanation;
  await product.api('/api/deployments', { method: 'POST', json: { name, ...choice } });
  await product.deploymentState(name, 'ready', 300_000);
  const times = await latencies(product, name, model);
  await product.api(`/api/deployments/${name}`, { method: 'DELETE' });
  const measuredMs = median(times);
  return {
    plan: `${network} ${strategy} ${k}+${r} ${layers}`,
    predictedMs,
    measuredMs,
    p99Ms: percentile(times, 99),
    requests: times.length,
    error: Math.abs(predictedMs - measuredMs) / measuredMs,
    profiled: measured,
    runsWhole: planned.body.runsWhole,
  };
}

type Case = Awaited<ReturnType<typeof measurePlan>>;

/** Compares what "auto" chose with the other side: the divided plan, or the whole model on one device. */
async function checkAuto(measure: (choice: Choice) => Promise<Case>) {
  const checks = [];
  for (const choice of AUTO_CHOICES) {
    const auto = await measure({ ...choice, layers: 'auto' });
    const other = await measure(
      auto.runsWhole === null ? { ...ONE_DEVICE, model: choice.model } : { ...choice, layers: 'all' },
    );
    checks.push({
      plan: auto.plan,
      chose: auto.runsWhole ?? 'distributed',
      chosenMs: auto.measuredMs,
      otherSide: other.plan,
      otherMs: other.measuredMs,
      faster: auto.measuredMs <= other.measuredMs,
    });
  }
  return checks;
}

/** Sends requests one at a time. @returns the latencies that the server reports, in ms */
async function latencies(product: Product, name: string, { inputs }: ModelView): Promise<number[]> {
  const body = JSON.stringify({
    inputs: inputs.map((input) => ({
      name: input.name,
      shape: input.dims,
      datatype: 'FP32',
      data: new Array<number>(input.dims.reduce((product, dim) => product * dim, 1)).fill(0.5),
    })),
  });
  const times: number[] = [];
  const infer = async (): Promise<number> => {
    const response = await fetch(`${product.dataUrl}/v2/models/${name}/infer`, {
      method: 'POST',
      headers: { authorization: `Bearer ${product.tokens.infer}`, 'content-type': 'application/json' },
      body,
    });
    const answer = (await response.json()) as { parameters?: { latency_ms: number } };
    if (!answer.parameters) throw new Error(`${name} did not answer: ${JSON.stringify(answer)}`);
    return answer.parameters.latency_ms;
  };
  const warmUntil = performance.now() + WARMUP_BUDGET_MS;
  for (let i = 0; i < WARMUPS && performance.now() < warmUntil; i++) await infer();
  const until = performance.now() + BUDGET_MS;
  while (times.length < REQUESTS && performance.now() < until) times.push(await infer());
  return times;
}

/** Returns Spearman's rank correlation: 1 if both lists have the same order. */
function rankCorrelation(a: readonly number[], b: readonly number[]): number {
  const ranks = (values: readonly number[]) =>
    values.map((value) => values.filter((other) => other < value).length);
  const [ra, rb] = [ranks(a), ranks(b)];
  const squares = ra.reduce((sum, rank, i) => sum + (rank - rb[i]!) ** 2, 0);
  return 1 - (6 * squares) / (a.length * (a.length ** 2 - 1));
}

export const predict: Benchmark = {
  name: 'predict',
  summary: 'error of the predicted latency of six plans on the local fleet, and their predicted order',
  async run({ log }) {
    const product = await Product.start({
      args: ['--no-demo', '--fleet', String(AGENTS)],
      withoutDemo: true,
    });
    try {
      await untilMeasured(product, AGENTS);
      const measured = new Map<string, Case>();
      const measure = async (choice: Choice): Promise<Case> => {
        const key = JSON.stringify([choice.model, choice.k, choice.r, choice.strategy, choice.layers]);
        const known = measured.get(key) ?? (await measurePlan(product, choice));
        if (!measured.has(key)) {
          const { plan, predictedMs, measuredMs } = known;
          log(`${plan}: predicted ${predictedMs.toFixed(1)} ms, measured ${measuredMs.toFixed(1)} ms`);
        }
        measured.set(key, known);
        return known;
      };
      const cases: Case[] = [];
      for (const choice of PLANS) cases.push(await measure(choice));
      const autoChoices = await checkAuto(measure);
      const value = median(cases.map(({ error }) => error));
      const order = rankCorrelation(
        cases.map(({ predictedMs }) => predictedMs),
        cases.map(({ measuredMs }) => measuredMs),
      );
      return {
        name: 'predict',
        value: 100 * value,
        unit: '% median error of the predicted latency',
        goal: '≤ 25 %, with the plans in the correct order; "auto" chooses the faster side',
        met: value <= 0.25 && order === 1 && autoChoices.every(({ faster }) => faster),
        details: { agents: AGENTS, rankCorrelation: order, cases, autoChoices },
      };
    } finally {
      await product.stop();
      product.removeHome();
    }
  },
};
