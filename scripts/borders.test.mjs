/** The import borders can fail: each rule rejects a small tree that breaks it. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { cruise } from 'dependency-cruiser';
import { afterAll, expect, it } from 'vitest';
import config from '../.dependency-cruiser.mjs';

const folder = mkdtempSync(join(tmpdir(), 'sparewheel-borders-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function brokenRules(name, files) {
  const root = join(folder, name);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  const { output } = await cruise(
    Object.keys(files).map((path) => path.split('/')[0]),
    {
      ...config.options,
      baseDir: root,
      validate: true,
      ruleSet: { forbidden: config.forbidden },
    },
  );
  return [...new Set(output.summary.violations.map(({ rule }) => rule.name))].sort();
}

it.each([
  [
    'no-cycles',
    {
      'packages/cdc/src/a.ts': "import { b } from './b.ts';\nexport const a = () => b;\n",
      'packages/cdc/src/b.ts': "import type { a } from './a.ts';\nexport const b: typeof a | null = null;\n",
    },
  ],
  [
    'no-inside-imports',
    {
      'packages/zoo/src/a.ts': "import '../../onnx/src/b.ts';\n",
      'packages/onnx/src/b.ts': 'export {};\n',
    },
  ],
  [
    'no-app-imports',
    {
      'apps/agent/src/a.ts': "import '../../data-plane/src/b.ts';\n",
      'apps/data-plane/src/b.ts': 'export {};\n',
    },
  ],
  ['pure-packages', { 'packages/coordinator/src/a.ts': "import 'node:fs';\n" }],
  [
    'cdc-imports',
    {
      'packages/cdc/src/a.ts': "import '../../protocol/src/b.ts';\n",
      'packages/protocol/src/b.ts': 'export {};\n',
    },
  ],
  ['no-unresolved', { 'packages/cdc/src/a.ts': "import './missing.ts';\n" }],
])('%s rejects a tree that breaks it', async (rule, files) => {
  expect(await brokenRules(rule, files)).toContain(rule);
});

it('accepts a tree that keeps to the borders', async () => {
  expect(
    await brokenRules('good', {
      'packages/cdc/src/a.ts': "import { b } from './b.ts';\nexport const a = b;\n",
      'packages/cdc/src/b.ts': 'export const b = 1;\n',
    }),
  ).toEqual([]);
});
