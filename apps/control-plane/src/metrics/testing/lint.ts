import type { Family, Series } from './parse-exposition.ts';

/** Units that are not base units, with the one to use. [prometheus.io/docs/practices/naming] */
const UNITS: readonly (readonly [RegExp, string])[] = [
  [/_(ms|us|ns|milliseconds|microseconds|nanoseconds|minutes|hours|days)(_|$)/, 'seconds'],
  [/_(kb|mb|gb|kilobytes|megabytes|gigabytes|bits)(_|$)/, 'bytes'],
  [/_(percent|percentage)(_|$)/, 'ratio'],
];

/** Checks the naming rules that `promtool check metrics` also checks, and that no series exists twice. */
export function lint(families: ReadonlyMap<string, Family>): string[] {
  return [...families.values()].flatMap((family) => [...problemsOf(family)]);
}

function* problemsOf({ name, help, type, series }: Family): Iterable<string> {
  if (!help) yield `${name} has no help`;
  if (type === null) yield `${name} has no type`;
  if (!/^[a-z][a-z0-9_]*$/.test(name)) yield `${name} is not in lower case with underscores`;
  if (type === 'counter' && !name.endsWith('_total')) yield `the counter ${name} does not end with _total`;
  if (type !== 'counter' && name.endsWith('_total')) yield `the ${type} ${name} ends with _total`;
  if (type !== 'histogram' && /_(bucket|count|sum)$/.test(name))
    yield `the ${type} ${name} is named as a part`;
  if (/(gauge|counter|histogram|summary)/.test(name)) yield `the name ${name} contains a type`;
  for (const [unit, base] of UNITS) if (unit.test(name)) yield `${name} is not in ${base}`;
  const seen = new Set<string>();
  for (const { name: own, labels } of series) {
    const key = JSON.stringify([own, Object.entries(labels).sort()]);
    if (seen.has(key)) yield `${key} exists twice`;
    seen.add(key);
    if (type !== 'summary' && 'quantile' in labels) yield `${name} has a label quantile and is no summary`;
    if (type !== 'histogram' && 'le' in labels) yield `${name} has a label le and is no histogram`;
  }
  if (type === 'histogram') yield* histogramProblems(name, series);
}

function* histogramProblems(name: string, series: readonly Series[]): Iterable<string> {
  const groups = new Map<string, Series[]>();
  for (const each of series) {
    const { le: _, ...labels } = each.labels;
    const key = JSON.stringify(labels);
    groups.set(key, [...(groups.get(key) ?? []), each]);
  }
  for (const [key, group] of groups) {
    const buckets = group.filter((each) => each.name.endsWith('_bucket'));
    const count = group.find((each) => each.name.endsWith('_count'))?.value;
    for (const [at, { value }] of buckets.entries()) {
      if (at > 0 && value < buckets[at - 1]!.value) yield `the buckets of ${name}${key} are not cumulative`;
    }
    if (buckets.at(-1)?.labels.le !== '+Inf') yield `${name}${key} has no bucket +Inf`;
    if (buckets.at(-1)?.value !== count) yield `the count of ${name}${key} is not its last bucket`;
  }
}
