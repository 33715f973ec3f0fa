import type { DeviceView, LatencyView } from '@sparewheel/protocol';

/** The data plane's latest report. Replaced as a whole a few times a second. */
export class LiveViews {
  devices: readonly DeviceView[] = [];
  latency: readonly LatencyView[] = [];
}
