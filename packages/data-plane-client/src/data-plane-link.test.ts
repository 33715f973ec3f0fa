import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DataPlaneLink } from './data-plane-link.ts';
import { FakeDataPlane, refuse } from './testing/fake-data-plane.ts';

describe('the link to the data plane', () => {
  let threads: FakeDataPlane[];
  let ports: (number | null)[];
  let link: DataPlaneLink;
  const current = () => threads.at(-1) as FakeDataPlane;

  beforeEach(async () => {
    vi.useFakeTimers();
    threads = [];
    ports = [];
    link = new DataPlaneLink((port) => {
      ports.push(port);
      threads.push(new FakeDataPlane());
      return current();
    });
    await link.start();
    link.attend();
  });
  afterEach(() => vi.useRealTimers());

  it('keeps messages that arrive before attend', async () => {
    const early = new FakeDataPlane();
    const other = new DataPlaneLink(() => early);
    await other.start();
    early.listen(4000);
    const heard: number[] = [];
    other.on('listening', (port) => heard.push(port));
    expect(other.listening).toBe(false);
    other.attend();
    expect(heard).toEqual([4000]);
  });

  it('matches replies to calls, and keeps the status of refusals', async () => {
    current().listen();
    current().answers['start-load'] = () => ({ running: true });
    current().answers.fault = () => refuse(404, 'unknown-device', 'no such device');
    const load = link.call({ kind: 'start-load', name: 'x', load: { mode: 'closed', concurrency: 1 } });
    const fault = link.call({ kind: 'fault', device: 'x', fault: { kind: 'kill' } });
    expect(await load).toEqual({ running: true });
    await expect(fault).rejects.toMatchObject({ status: 404, code: 'unknown-device' });
  });

  it('rejects calls until the data plane listens', async () => {
    await expect(link.call({ kind: 'undeploy', name: 'x' })).rejects.toMatchObject({ status: 503 });
    expect(current().calls).toEqual([]);
  });

  it('fails pending calls when the thread ends, and restarts it on the same port', async () => {
    current().listen(3001);
    const crashes: [string, number][] = [];
    link.on('crashed', (reason, delayMs) => crashes.push([reason, delayMs]));
    const call = link.call({ kind: 'undeploy', name: 'x' });
    current().crash('out of memory');
    await expect(call).rejects.toMatchObject({ status: 503, code: 'data-plane-starting' });
    expect(link.listening).toBe(false);
    await vi.advanceTimersByTimeAsync(100);
    expect(threads).toHaveLength(2);
    expect(ports).toEqual([null, 3001]);
    expect(crashes).toEqual([['out of memory', 100]]);
    const again = vi.fn();
    link.on('listening', again);
    current().listen(3001);
    expect(again).toHaveBeenCalledOnce();
  });

  it('waits longer after each short run, up to a limit', async () => {
    const delays: number[] = [];
    link.on('crashed', (_reason, delayMs) => delays.push(delayMs));
    for (let life = 0; life < 8; life++) {
      current().crash('again');
      await vi.advanceTimersByTimeAsync(delays.at(-1) ?? 0);
    }
    expect(delays).toEqual([100, 200, 400, 800, 1600, 3200, 5000, 5000]);
  });

  it('times out a call without an answer', async () => {
    current().listen();
    vi.spyOn(current(), 'postMessage').mockImplementation(() => {});
    const outcome = link.call({ kind: 'undeploy', name: 'x' }).catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(15_000);
    expect(await outcome).toMatchObject({ status: 504, code: 'data-plane-timeout' });
  });

  it('stops when the data plane has drained or the time is over, and does not restart it', async () => {
    current().listen();
    vi.spyOn(current(), 'postMessage').mockImplementation(() => {});
    const stopped = link.stop(1_000);
    await vi.advanceTimersByTimeAsync(1_000);
    await stopped;
    expect(current().terminated).toBe(true);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(threads).toHaveLength(1);
    await expect(link.call({ kind: 'undeploy', name: 'x' })).rejects.toMatchObject({ code: 'stopping' });
  });
});
