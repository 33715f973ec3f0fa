/** Commands that work from a bare clone prepare it first. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const { scripts } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
const prepare = readFileSync(new URL('prepare.mjs', import.meta.url), 'utf8');

describe('a bare clone', () => {
  it.each(['start', 'dev', 'agent', 'test', 'check', 'build', 'bench', 'simulate'])(
    'is prepared before `npm run %s`',
    (name) => {
      expect(scripts[name]).toBeDefined();
      expect(scripts[`pre${name}`]).toBe(`node scripts/prepare.mjs ${name}`);
      expect(prepare).toMatch(new RegExp(`^  ${name}: \\{`, 'm'));
    },
  );
});
