/**
 * Loaded into an agent's processes: their wall clock runs backwards and forwards by up to a year, anew each second, as
 * that of a Raspberry Pi without a battery does when it finds a time server. Clocks that only measure durations do not
 * jump, here as there.
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
