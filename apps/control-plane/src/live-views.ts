import type { DeviceView, LatencyView } from '@sparewheel/protocol';

/** The latest report of the data plane. It is replaced a few times per second. */
export class LiveViews {
  devices: readonly DeviceView[] = [];
  latency: readonly LatencyView[] = [];
}
