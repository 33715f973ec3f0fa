import { describe, expect, it } from 'vitest';
import { codedTrace } from '../testing/view-fixtures.ts';
import { chooseTrace, waterfall } from './waterfall-view.ts';

const draw = (trace: ReturnType<typeof codedTrace>) =>
  waterfall(
    trace,
    2,
    (device) => device.toUpperCase(),
    (step) => step,
  );

describe('the waterfall of a request', () => {
  it('has a lane with the answer time for each device', () => {
    const { lanes, totalMs } = draw(codedTrace([4, 6, 5]));
    expect(lanes.map(({ label, shard, role }) => `${label}, ${shard}, ${role}`)).toEqual([
      'data plane, , plane',
      'D0, data 0, data',
      'D1, data 1, data',
      'D2, parity 2, parity',
    ]);
    expect(lanes[1]!.bars[0]).toMatchObject({ kind: 'used', fromMs: 0, toMs: 4, lateMs: null });
    expect(totalMs).toBe(5);
  });

  it('marks a late data shard as recovered, and a late parity shard as late', () => {
    const drawn = draw(codedTrace([4, 60, 5]));
    expect(drawn.lanes[2]!.bars[0]).toMatchObject({ kind: 'recovered', toMs: 5, lateMs: 5 * 1.35 });
    expect(drawn).toMatchObject({ recovered: 1, late: 1 });
    expect(draw(codedTrace([4, 5, 60])).lanes[3]!.bars[0]!.kind).toBe('late');
  });

  it('shows the compute time if the device reported it', () => {
    const trace = codedTrace([4, 6, 5]);
    trace.steps[0]!.shards[0]!.computeMs = 1.5;
    const [, first, second] = draw(trace).lanes;
    expect(first!.bars[0]!.text).toContain('answered after 4.00 ms (computing 1.50 ms)');
    expect(second!.bars[0]!.text).not.toContain('computing');
  });

  it('distinguishes a canceled answer, a busy device and a missing device', () => {
    const texts = (arrivals: Parameters<typeof codedTrace>[0], calledOff: number) => {
      const trace = codedTrace(arrivals);
      const shard = trace.steps[0]!.shards[calledOff];
      if (shard) shard.calledOff = true;
      return draw(trace).lanes.flatMap(({ bars }) => bars.map(({ text }) => text));
    };
    expect(texts([4, null, 5], -1)[1]).toContain('recovered from parity; not sent, no device');
    expect(texts([4, null, 5], 1)[1]).toContain('recovered from parity; not sent, its device was busy');
    expect(texts([4, 'never', 5], -1)[1]).toContain('recovered from parity; no answer arrived');
    expect(texts([4, 'never', 5], 1)[1]).toContain('recovered from parity; the answer was canceled');
  });

  it('does not call a busy device missing', () => {
    const trace = codedTrace([4, null, 5]);
    trace.steps[0]!.shards[1]!.calledOff = true;
    expect(draw(trace).lanes[2]!.label).toBe('not asked');
    expect(draw(codedTrace([4, null, 5])).lanes[2]!.label).toBe('no device');
    // Another step of the request knows the device of the shard.
    trace.steps.push({ ...codedTrace([4, 6, 5]).steps[0]!, step: 's1' });
    expect(draw(trace).lanes.map(({ label }) => label)).toEqual(['data plane', 'D0', 'D1', 'D2']);
  });

  it('does not show a busy parity device as a failure', () => {
    const trace = codedTrace([4, 5, null]);
    Object.assign(trace.steps[0]!.shards[2]!, { status: 'missing', calledOff: true });
    expect(draw(trace).lanes[3]!.bars[0]).toMatchObject({ kind: 'skipped' });
    trace.steps[0]!.shards[2]!.calledOff = undefined as never;
    expect(draw(trace).lanes[3]!.bars[0]).toMatchObject({ kind: 'missing' });
  });

  it('ends the axis soon after the result, even with a very late answer', () => {
    expect(draw(codedTrace([4, 6000, 5])).endMs).toBeLessThan(10);
  });

  it('finds the newest, the slowest, and the newest recovered request', () => {
    const [newest, slow, recovered] = [
      codedTrace([1, 2, 9], 3),
      codedTrace([40, 50, 50], 2),
      codedTrace([4, 60, 5], 1),
    ];
    const traces = [newest!, slow!, recovered!];
    expect(chooseTrace(traces, 'latest', 2)?.request).toBe(3);
    expect(chooseTrace(traces, 'slowest', 2)?.request).toBe(2);
    expect(chooseTrace(traces, 'recovered', 2)?.request).toBe(1);
    expect(chooseTrace([newest!], 'recovered', 2)).toBeNull();
  });
});
