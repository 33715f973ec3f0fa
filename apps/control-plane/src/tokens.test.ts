import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadTokens, validToken } from './tokens.ts';

describe('tokens', () => {
  let home: string;
  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'sparewheel-tokens-'));
  });
  afterEach(() => rm(home, { recursive: true }));

  it('are generated once and kept, readable by the owner only', async () => {
    const first = await loadTokens(home, {});
    expect(first.made).toEqual(['operator', 'join', 'infer', 'metrics']);
    expect(Object.values(first.tokens).every(validToken)).toBe(true);
    expect(new Set(Object.values(first.tokens)).size).toBe(4);
    expect((await stat(join(home, 'tokens.json'))).mode & 0o777).toBe(0o600);
    expect(await loadTokens(home, {})).toEqual({ tokens: first.tokens, made: [] });
  });

  it('from the environment take precedence and are not written to disk', async () => {
    const operator = 'operator-token-of-the-test';
    const { tokens, made } = await loadTokens(home, { operator });
    expect(tokens.operator).toBe(operator);
    expect(made).toEqual(['join', 'infer', 'metrics']);
    expect(await readFile(join(home, 'tokens.json'), 'utf8')).not.toContain(operator);
  });

  it('of two roles must differ', async () => {
    const same = 'the-same-token-for-both';
    await expect(loadTokens(home, { operator: same, infer: same })).rejects.toThrow('are the same');
    await expect(loadTokens(home, { join: same, metrics: same })).rejects.toThrow(
      'SPAREWHEEL_JOIN_TOKEN and SPAREWHEEL_METRICS_TOKEN are the same',
    );
  });

  it('of an older version are kept, and the missing one is generated', async () => {
    const { tokens } = await loadTokens(home, {});
    const { metrics: _missing, ...older } = tokens;
    await writeFile(join(home, 'tokens.json'), JSON.stringify(older));
    const again = await loadTokens(home, {});
    expect(again.made).toEqual(['metrics']);
    expect(again.tokens).toMatchObject(older);
  });

  it('in an invalid file are rejected, and the error names the file', async () => {
    await writeFile(join(home, 'tokens.json'), '{"operator": 5}');
    await expect(loadTokens(home, {})).rejects.toThrow('tokens.json does not hold tokens');
  });
});
