/** A metric in an expression, with the labels that select it or that the expression groups by. */
export interface MetricUse {
  readonly metric: string;
  readonly labels: readonly string[];
}

const KEYWORDS = new Set([
  'by',
  'without',
  'on',
  'ignoring',
  'group_left',
  'group_right',
  'and',
  'or',
  'unless',
  'bool',
  'offset',
]);

/** Finds the metrics of a PromQL expression. A name before "(" is a function, so all other names are metrics. */
export function usesOf(expression: string): MetricUse[] {
  const grouped: string[] = [];
  const selectors: string[][] = [];
  const bare = expression
    .replace(/\{((?:[^{}"]|"[^"]*")*)\}/g, (_, matchers: string) => {
      const names = matchers.replace(/"[^"]*"/g, '').match(/[a-zA-Z_]\w*/g) ?? [];
      selectors.push(names);
      return `#${selectors.length - 1}#`;
    })
    .replace(/"[^"]*"/g, '')
    .replace(/\[[^\]]*\]/g, '')
    .replace(/\b(?:by|without|on|ignoring)\s*\(([^)]*)\)/g, (_, names: string) => {
      grouped.push(...(names.match(/\w+/g) ?? []));
      return '';
    });
  return [...bare.matchAll(/\b([a-zA-Z_:][\w:]*)(?:#(\d+)#)?(\s*\()?/g)].flatMap(
    ([, name, selector, call]) => {
      if (call !== undefined || KEYWORDS.has(name!)) return [];
      const own = selector === undefined ? [] : selectors[Number(selector)]!;
      return { metric: name!, labels: [...own, ...grouped] };
    },
  );
}
