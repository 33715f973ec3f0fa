import { describe, expect, it } from 'vitest';
import { siblingEntry } from './entry.ts';

const names = { source: './device.ts', bundled: './device.js' };

describe('sibling entry', () => {
  it('is the bundle beside a bundle, run by Node alone', () => {
    const { process: child, threadUrl } = siblingEntry('file:///opt/agent/dist/agent.js', names);
    expect(child).toEqual({ path: '/opt/agent/dist/device.js', execArgv: [] });
    expect(threadUrl.href).toBe('file:///opt/agent/dist/device.js');
  });

  it('is the source beside a source, with a loader for TypeScript', () => {
    const { process: child, threadUrl } = siblingEntry(import.meta.url, names);
    expect(child.path).toMatch(/packages\/runtime\/src\/device\.ts$/);
    expect(child.execArgv).toEqual(['--import', expect.stringMatching(/^file:.*tsx/)]);
    expect(decodeURIComponent(threadUrl.href)).toMatch(/^data:.*device\.ts/);
  });
});
