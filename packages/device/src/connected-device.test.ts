import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { AGENT_VERSION } from './connected-device.ts';

it("reports the version in the agent's package.json", () => {
  const { version } = JSON.parse(
    readFileSync(new URL('../../../apps/agent/package.json', import.meta.url), 'utf8'),
  );
  expect(AGENT_VERSION).toBe(version);
});
