import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { AGENT_VERSION } from './version.ts';

it('is the version in package.json', () => {
  const { version } = JSON.parse(
    readFileSync(new URL('../../../apps/agent/package.json', import.meta.url), 'utf8'),
  );
  expect(AGENT_VERSION).toBe(version);
});
