/**
 * Preloaded into an agent's processes. Shifts the wall clock by up to a year, with a new offset each second,
 * as on a Raspberry Pi without a clock battery that finds a time server. Monotonic clocks do not change.
 */
const YEAR_MS = 365 * 24 * 3600 * 1000;
const RealDate = Date;
const startedAt = performance.now();

function offsetMs() {
  const second = Math.floor((performance.now() - startedAt) / 1000);
  return Math.sin(second * 12.9898 + process.pid) * YEAR_MS;
}

globalThis.Date = class extends RealDate {
  constructor(...values) {
    if (values.length === 0) super(RealDate.now() + offsetMs());
    else super(...values);
  }

  static now() {
    return RealDate.now() + offsetMs();
  }
};
