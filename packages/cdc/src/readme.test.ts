import { readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import * as index from './index.ts';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

const cdc: Readonly<Record<string, unknown>> = { ...index };

describe('the README', () => {
  it('has an example that runs and prints what it says', () => {
    const code = /```ts\n([\s\S]*?)```/.exec(readme)![1]!;
    const [statement, names] = /import \{([^}]*)\} from '@sparewheel\/cdc';/.exec(code)!;
    const printed: string[] = [];
    const console = {
      log: (...values: unknown[]) => {
        printed.push(
          values.map((v) => (typeof v === 'string' ? v : inspect(v).replace('[ 1 ]', '[1]'))).join(' '),
        );
      },
    };
    const imports = names!.split(',').map((name) => name.trim());
    const run = new Function('console', ...imports, code.replace(statement, ''));
    run(console, ...imports.map((name) => cdc[name]));
    const expected = [...code.matchAll(/^\/\/ → (.*)$/gm)].map((match) => match[1]);
    expect(printed).toEqual(expected);
    expect(expected).toHaveLength(2);
  });

  it('names only what is exported', () => {
    const table = readme.slice(readme.indexOf('## What is in it'), readme.indexOf('Bad input'));
    const cells = [...table.matchAll(/^\| (`.*?) \|/gm)].map((match) => match[1]!);
    const names = cells.flatMap((cell) => [...cell.matchAll(/`(\w+)`/g)].map((match) => match[1]!));
    expect(names.length).toBeGreaterThan(20);
    expect(names.filter((name) => !(name in cdc))).toEqual([]);
  });
});
