import { describe, expect, it } from 'vitest';
import { createLog, type Log, relayLine } from './log.ts';

function logTo(terminal: boolean, level?: string): { log: Log; lines: string[] } {
  const lines: string[] = [];
  const log = createLog('test', level ?? 'info', { terminal, write: (text) => lines.push(text) });
  return { log, lines };
}

describe('log', () => {
  it('writes one JSON object per line where stderr is not a terminal', () => {
    const { log, lines } = logTo(false);
    log.error({ err: new Error('disk full') }, 'cannot store events');
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/\n$/);
    expect(JSON.parse(lines[0]!)).toMatchObject({
      level: 50,
      name: 'test',
      msg: 'cannot store events',
      err: { message: 'disk full' },
    });
  });

  it('writes readable lines on a terminal', () => {
    const { log, lines } = logTo(true);
    log.warn('the data plane ended');
    expect(lines.join('')).toMatch(/\d\d:\d\d:\d\d.*WARN.*test.*the data plane ended/);
  });

  it('skips messages below the level', () => {
    const { log, lines } = logTo(false, 'error');
    log.warn('minor');
    expect(lines).toEqual([]);
  });

  it('reports an unknown level and uses the default', () => {
    const { log, lines } = logTo(false, 'loud');
    expect(lines.join('')).toContain('loud');
    expect(log.level).toBe('info');
  });

  it('relays lines of a child process at their own level, and plain text as a warning', () => {
    const child = logTo(false);
    const parent = logTo(false);
    child.log.error('100 %s of the disk');
    expect(relayLine(parent.log, child.lines[0]!)).toBe('100 %s of the disk');
    expect(relayLine(parent.log, 'cannot find module')).toBe('cannot find module');
    expect(parent.lines.map((line) => JSON.parse(line))).toMatchObject([
      { level: 50, msg: '100 %s of the disk' },
      { level: 40, msg: 'cannot find module' },
    ]);
  });
});
