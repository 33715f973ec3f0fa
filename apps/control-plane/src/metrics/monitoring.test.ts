/** The dashboard and the alert rules in deploy/monitoring, against the metrics that the control plane really shows. */
import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deviceView } from '@sparewheel/data-plane-client/testing';
import type { LatencyView, RequestCounts } from '@sparewheel/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LiveViews } from '../live-views.ts';
import { repositoryRoot } from '../repository.ts';
import { Exposition } from './exposition.ts';
import { lint } from './testing/lint.ts';
import { type Family, parseExposition } from './testing/parse-exposition.ts';
import { usesOf } from './testing/promql.ts';

const FOLDER = join(repositoryRoot(), 'deploy/monitoring');
const promtool = spawnSync('promtool', ['--version']).status === 0;
if (!promtool) console.log('promtool is not installed, so its own checks are skipped');

const COUNTS: RequestCounts = {
  requests: 14,
  answered: 10,
  recovered: 4,
  outran: 3,
  survived: 1,
  recoveredShards: 5,
  rescued: 1,
  failed: 2,
  canceled: 1,
  lost: 0,
  inFlight: 1,
  late: 2,
  corrupt: 0,
};

/** Labels that Prometheus adds to every series. */
const ADDED = ['job', 'instance'];

let text: string;
let families: Map<string, Family>;
let rules: string;
let dashboard: string;
let scratch: string;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'sparewheel-metrics-'));
  text = await exposition();
  families = parseExposition(text);
  rules = await readFile(join(FOLDER, 'alert-rules.yml'), 'utf8');
  dashboard = await readFile(join(FOLDER, 'grafana-dashboard.json'), 'utf8');
});
afterAll(() => rm(scratch, { recursive: true }));

async function exposition({ running = true } = {}): Promise<string> {
  const live = new LiveViews();
  live.devices = [
    deviceView('device-0001', { temperatureCelsius: 61.5 }),
    deviceView('device-0002', { name: 'name of device-0001', state: 'silent', roundTripMs: null }),
  ];
  live.latency = [{ deployment: 'digits', counts: COUNTS } as LatencyView];
  const counts = {
    answers: 30,
    late: 2,
    recovered: 4,
    rescued: 1,
    corrupt: 0,
    sentBytes: 4096,
    receivedBytes: 512,
  };
  return new Exposition({
    live,
    deployments: {
      views: () => [
        { name: 'digits', state: 'ready', progress: { seats: [{ state: 'ready' }, { state: 'down' }] } },
      ],
    } as never,
    dataPlane: {
      call: async () => {
        if (!running) throw new Error('it is starting');
        return {
          durations: [
            {
              deployment: 'digits',
              buckets: [
                { leSeconds: 0.005, count: 3 },
                { leSeconds: 0.01, count: 9 },
              ],
              count: 10,
              sumSeconds: 0.08,
            },
          ],
          devices: live.devices.map(({ id, name }) => ({ deployment: 'digits', id, name, counts })),
          quarantines: live.devices.map(({ id, name }) => ({ id, name, quarantines: 1 })),
        };
      },
    } as never,
  }).text();
}

describe('the metrics', () => {
  it('keep the naming rules of Prometheus', () => {
    expect(lint(families)).toEqual([]);
  });

  it('contain the counts, and two series for two devices of one name', () => {
    expect(text).toContain('sparewheel_requests_total{deployment="digits",outcome="failed"} 2\n');
    expect(text).toContain('sparewheel_deployment_seats{deployment="digits",state="down"} 1\n');
    expect(text).toContain('sparewheel_data_plane_up 1\n');
    const answers = families.get('sparewheel_device_answers_total')!.series;
    expect(answers.map(({ labels, value }) => [labels.device_id, value])).toEqual([
      ['device-0001', 30],
      ['device-0002', 30],
    ]);
  });

  it('contain the latency as a cumulative histogram in seconds', () => {
    const { type, series } = families.get('sparewheel_request_duration_seconds')!;
    expect(type).toBe('histogram');
    expect(series.map(({ name, labels, value }) => [name.split('_').at(-1), labels.le, value])).toEqual([
      ['bucket', '0.005', 3],
      ['bucket', '0.01', 9],
      ['bucket', '+Inf', 10],
      ['sum', undefined, 0.08],
      ['count', undefined, 10],
    ]);
  });

  it('without the data plane, show that it is down, and keep the rules', async () => {
    const down = parseExposition(await exposition({ running: false }));
    expect(down.get('sparewheel_data_plane_up')!.series[0]!.value).toBe(0);
    expect(down.get('sparewheel_device_answers_total')!.series).toEqual([]);
    expect(down.get('sparewheel_devices')!.series).toHaveLength(2);
    expect(lint(down)).toEqual([]);
  });

  it.skipIf(!promtool)('pass promtool check metrics', () => {
    const { status, stderr, stdout } = spawnSync('promtool', ['check', 'metrics'], {
      input: text,
      encoding: 'utf8',
    });
    expect(`${stdout}${stderr}`).toBe('');
    expect(status).toBe(0);
  });
});

describe('the validator of the tests', () => {
  it.each([
    ['a gauge named _total', '# HELP x_total X\n# TYPE x_total gauge\nx_total 1\n', '_total'],
    ['a counter without _total', '# HELP x X\n# TYPE x counter\nx 1\n', '_total'],
    ['milliseconds', '# HELP x_ms X\n# TYPE x_ms gauge\nx_ms 1\n', 'seconds'],
    ['a quantile of a gauge', '# HELP x X\n# TYPE x gauge\nx{quantile="0.5"} 1\n', 'quantile'],
    ['no help', '# TYPE x gauge\nx 1\n', 'help'],
    ['a bucket that shrinks', bucketsOf(3, 2, 2), 'cumulative'],
    ['a count that differs from the last bucket', bucketsOf(1, 2, 3), 'count'],
    ['two equal series', '# HELP x X\n# TYPE x gauge\nx{a="1"} 1\nx{a="1"} 2\n', 'twice'],
  ])('complains about %s', (_what, exposition, word) => {
    expect(lint(parseExposition(exposition)).join()).toContain(word);
  });

  it('finds metrics and labels in expressions', () => {
    const expression =
      'sum by (deployment, le) (rate(sparewheel_a_bucket{device=~"x|y", state!="{b}"}[$__rate_interval])) / sparewheel_b > 1';
    expect(usesOf(expression)).toEqual([
      { metric: 'sparewheel_a_bucket', labels: ['device', 'state', 'deployment', 'le'] },
      { metric: 'sparewheel_b', labels: ['deployment', 'le'] },
    ]);
    expect(usesOf('topk(3, other_metric{a="1"})')).toEqual([{ metric: 'other_metric', labels: ['a'] }]);
  });
});

function bucketsOf(first: number, last: number, count: number): string {
  const type = '# HELP x_seconds X\n# TYPE x_seconds histogram\n';
  return `${type}x_seconds_bucket{le="1"} ${first}\nx_seconds_bucket{le="+Inf"} ${last}\nx_seconds_sum 1\nx_seconds_count ${count}\n`;
}

/** Returns what expressions use that the metrics do not have. */
function missing(expressions: readonly string[]): string[] {
  const labels = new Map<string, Set<string>>();
  for (const { series } of families.values()) {
    for (const each of series) {
      const known = labels.get(each.name) ?? new Set(ADDED);
      for (const label of Object.keys(each.labels)) known.add(label);
      labels.set(each.name, known);
    }
  }
  return expressions.flatMap((expression) =>
    usesOf(expression).flatMap(({ metric, labels: used }) => {
      const known = labels.get(metric);
      if (known === undefined) return [`${metric} does not exist`];
      return used.filter((label) => !known.has(label)).map((label) => `${metric} has no label ${label}`);
    }),
  );
}

const rulesOf = () =>
  rules
    .split(/^ {6}- alert: /m)
    .slice(1)
    .map((rule) => ({
      name: rule.split('\n', 1)[0]!,
      text: rule,
      expr: /^ {8}expr: (.+)$/m.exec(rule)![1]!,
    }));

describe('the alert rules', () => {
  it('use only metrics and labels that exist', () => {
    const all = rulesOf();
    expect(all.length).toBeGreaterThan(10);
    expect(missing(all.map(({ expr }) => expr))).toEqual([]);
  });

  it('have a unique name, a severity, a summary and a description', () => {
    const all = rulesOf();
    expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
    for (const { text } of all) {
      expect(text).toMatch(/^ {10}severity: (critical|warning|info)$/m);
      expect(text).toMatch(/^ {10}summary: \S/m);
      expect(text).toMatch(/^ {10}description: \S/m);
    }
  });

  it('name only labels in their texts that the expression keeps', () => {
    for (const { name, text, expr } of rulesOf()) {
      const kept = /^sum by \(([^)]*)\)|, sum by \(([^)]*)\)/.exec(expr);
      const uses = usesOf(expr);
      for (const [, label] of text.matchAll(/\$labels\.(\w+)/g)) {
        if (kept) expect((kept[1] ?? kept[2])!.split(', '), name).toContain(label);
        else expect(missing([`${uses[0]!.metric}{${label}="x"}`]), name).toEqual([]);
      }
    }
  });

  it.skipIf(!promtool)('pass promtool check rules', () => {
    const { status, stdout, stderr } = spawnSync(
      'promtool',
      ['check', 'rules', join(FOLDER, 'alert-rules.yml')],
      { encoding: 'utf8' },
    );
    expect(status, `${stdout}${stderr}`).toBe(0);
  });
});

interface Panel {
  readonly id: number;
  readonly title: string;
  readonly description: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets: readonly { readonly expr: string; readonly legendFormat: string }[];
}
const panels = () => (JSON.parse(dashboard) as { panels: Panel[] }).panels;
const expressions = () => panels().flatMap(({ targets }) => targets.map(({ expr }) => expr));

describe('the Grafana dashboard', () => {
  it('uses only metrics and labels that exist, also in its variables and legends', () => {
    expect(expressions().length).toBeGreaterThan(20);
    expect(missing(expressions())).toEqual([]);
    const queries = [...dashboard.matchAll(/label_values\((\w+), (\w+)\)/g)];
    expect(queries.length).toBeGreaterThan(0);
    expect(missing(queries.map(([, metric, label]) => `${metric}{${label}="x"}`))).toEqual([]);
    for (const { title, targets } of panels()) {
      for (const { expr, legendFormat } of targets) {
        const kept = /sum by \(([^)]*)\)/.exec(expr)?.[1]?.split(', ');
        for (const [, label] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) {
          if (kept) expect(kept, title).toContain(label);
          else expect(missing([`${usesOf(expr)[0]!.metric}{${label}="x"}`]), title).toEqual([]);
        }
      }
    }
  });

  it('has panels with own numbers and places, a title and a description', () => {
    expect(new Set(panels().map(({ id }) => id)).size).toBe(panels().length);
    const taken = new Set<string>();
    for (const { title, description, gridPos } of panels()) {
      expect(title && description).toBeTruthy();
      expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(taken.has(`${x} ${y}`), title).toBe(false);
          taken.add(`${x} ${y}`);
        }
      }
    }
  });

  it.skipIf(!promtool)('has expressions that Prometheus can parse', async () => {
    const recorded = expressions().map((expr, at) => ({
      record: `panel:${at}`,
      expr: expr.replaceAll('$__rate_interval', '5m'),
    }));
    const file = join(scratch, 'panels.json');
    await writeFile(file, JSON.stringify({ groups: [{ name: 'panels', rules: recorded }] }));
    const { status, stdout, stderr } = spawnSync('promtool', ['check', 'rules', file], { encoding: 'utf8' });
    expect(status, `${stdout}${stderr}`).toBe(0);
  });
});
