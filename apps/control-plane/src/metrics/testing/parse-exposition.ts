export interface Series {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Family {
  readonly name: string;
  readonly help: string | null;
  readonly type: string | null;
  readonly series: readonly Series[];
}

const ENDINGS = /_(bucket|sum|count)$/;

/** Parses Prometheus' text format. @throws {Error} a line is malformed */
export function parseExposition(text: string): Map<string, Family> {
  const families = new Map<
    string,
    { name: string; help: string | null; type: string | null; series: Series[] }
  >();
  const family = (name: string) => {
    const known = families.get(name) ?? { name, help: null, type: null, series: [] };
    families.set(name, known);
    return known;
  };
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const [, kind, described = '', words = ''] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? [];
    if (kind === 'HELP') family(described).help = words;
    else if (kind === 'TYPE') family(described).type = words;
    else {
      const [, name, labels = '', value] = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
      if (name === undefined) throw new Error(`not a line of the text format: ${line}`);
      const base = name.replace(ENDINGS, '');
      const type = families.get(base)?.type;
      const owner = type === 'histogram' || type === 'summary' ? base : name;
      family(owner).series.push({
        name,
        labels: labelsIn(labels),
        value: Number(value!.replace('Inf', 'Infinity')),
      });
    }
  }
  return families;
}

function labelsIn(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const [, name, value] of text.matchAll(/([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g)) labels[name!] = value!;
  return labels;
}
