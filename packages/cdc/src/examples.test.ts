import { readdirSync, readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import * as index from './index.ts';

const cdc: Readonly<Record<string, unknown>> = { ...index };
const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

/** Runs an example with every export in scope. Returns the printed lines and the lines after `// → `. */
function runExample(code: string): { printed: string[]; expected: string[] } {
  const printed: string[] = [];
  const log = (...values: unknown[]) => {
    printed.push(values.map((value) => (typeof value === 'string' ? value : inspect(value))).join(' '));
  };
  // The block lets an example declare a variable with the name of an export.
  new Function('console', ...Object.keys(cdc), `{\n${code}\n}`)({ log }, ...Object.values(cdc));
  return { printed, expected: [...code.matchAll(/^\/\/ → (.*)$/gm)].map((match) => match[1]!) };
}

/**
 * Finds the `@example` blocks in a file's doc comments, each with the name of the declaration that follows.
 */
function examplesOf(source: string): { name: string; code: string }[] {
  const comments = source.matchAll(/^ *\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*(.*)/gm);
  return [...comments].flatMap(([, comment, declaration]) => {
    const text = comment!.replaceAll(/^ *\* ?/gm, '');
    const name = /^(?:export )?(?:function )?(\w+)/.exec(declaration!)?.[1] ?? declaration!;
    return [...text.matchAll(/^@example\n((?:(?!@)[\s\S])*)/gm)].map((match) => ({ name, code: match[1]! }));
  });
}

const folder = new URL('.', import.meta.url);
const examples = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
  .sort()
  .flatMap((file) =>
    examplesOf(readFileSync(new URL(file, folder), 'utf8')).map((example) => ({ file, ...example })),
  );

describe('@example blocks', () => {
  it.each(examples)('print the documented values: $name in $file', ({ code }) => {
    const { printed, expected } = runExample(code);
    expect(expected).not.toEqual([]);
    expect(printed).toEqual(expected);
  });

  it('exist for the main functions', () => {
    const names = examples.map(({ name }) => name);
    for (const name of [
      'createDecoder',
      'encodeBias',
      'encodePiece',
      'encodeViews',
      'encodeWeights',
      'generatorFromRows',
      'gatherRows',
      'generatorMatrix',
      'inputPieces',
      'partitionRows',
      'reconstruct',
      'requireMds',
      'verify',
    ]) {
      expect(names).toContain(name);
    }
  });

  it('fail if they print another value', () => {
    const comment = '/**\n * @example\n * console.log(totalShards(generatorMatrix(2, 1)));\n * // → 4\n */\n';
    const [example] = examplesOf(`${comment}export function four() {}`);
    expect(example!.name).toBe('four');
    expect(runExample(example!.code)).toEqual({ printed: ['3'], expected: ['4'] });
  });
});

describe('the README', () => {
  it('has an example that prints the documented values', () => {
    const code = /```ts\n([\s\S]*?)```/.exec(readme)![1]!;
    const [statement, names] = /import \{([^}]*)\} from '@sparewheel\/cdc';/.exec(code)!;
    for (const name of names!.split(',')) if (name.trim()) expect(cdc).toHaveProperty(name.trim());
    const { printed, expected } = runExample(code.replace(statement, ''));
    expect(expected).toHaveLength(2);
    expect(printed).toEqual(expected);
  });

  it('names only exports', () => {
    const table = readme.slice(readme.indexOf('## Contents'), readme.indexOf('Invalid input'));
    const cells = [...table.matchAll(/^\| (`.*?) \|/gm)].map((match) => match[1]!);
    const names = cells.flatMap((cell) => [...cell.matchAll(/`(\w+)`/g)].map((match) => match[1]!));
    expect(names.length).toBeGreaterThan(20);
    expect(names.filter((name) => !(name in cdc))).toEqual([]);
  });
});
