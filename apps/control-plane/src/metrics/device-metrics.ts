import type { DataPlaneMetrics } from '@sparewheel/data-plane-client';
import type { DeviceView } from '@sparewheel/protocol';
import type { MetricsBuilder, MetricsSource } from './metrics-builder.ts';

type DeviceCounts = DataPlaneMetrics['devices'][number];

/** Two devices may have the same name, so a device has two labels. */
const DEVICE = ['device', 'device_id'] as const;

/** By the end of the metric's name. */
const COUNTS: readonly (readonly [name: string, field: keyof DeviceCounts['counts'], help: string])[] = [
  ['answers', 'answers', 'Answers of a device to a deployment'],
  ['late_answers', 'late', 'Answers that came when they were no longer needed'],
  ['recovered_shards', 'recovered', 'Shards of a device that were decoded from the answers of others'],
  ['rescued_shards', 'rescued', 'Shards of a device that the data plane computed'],
  ['corrupt_answers', 'corrupt', 'Answers that were proven wrong'],
  ['sent_bytes', 'sentBytes', 'Bytes of tensors sent to a device'],
  ['received_bytes', 'receivedBytes', 'Bytes of tensors received from a device'],
];

/**
 * Adds the metrics of each device.
 * @param measured  returns the data plane's counts for the present scrape; null if it is not running
 */
export function addDeviceMetrics(
  builder: MetricsBuilder,
  { live }: MetricsSource,
  measured: () => DataPlaneMetrics | null,
): void {
  builder.gauge('devices', 'Devices by state', ['state'], (set) => {
    for (const { state } of live.devices) set({ state }, 1);
  });
  builder.gauge('device_state', '1 for the current state of each device', [...DEVICE, 'state'], (set) => {
    for (const device of live.devices) set({ ...labelsOf(device), state: device.state }, 1);
  });
  const gauge = (name: string, help: string, value: (device: DeviceView) => number | null) =>
    builder.gauge(name, help, [...DEVICE], (set) => {
      for (const device of live.devices) {
        const measuredValue = value(device);
        if (measuredValue !== null) set(labelsOf(device), measuredValue);
      }
    });
  gauge('device_round_trip_seconds', 'Network round trip to a device', ({ roundTripMs }) =>
    roundTripMs === null ? null : roundTripMs / 1000,
  );
  gauge('device_in_flight', 'Computations in flight on a device', ({ inFlight }) => inFlight);
  gauge(
    'device_resident_memory_bytes',
    'Resident memory of a device process',
    ({ memory }) => memory.rssBytes,
  );
  gauge(
    'device_temperature_celsius',
    'Temperature of a device',
    ({ temperatureCelsius }) => temperatureCelsius,
  );

  for (const [name, field, help] of COUNTS) {
    builder.counter(`device_${name}`, help, ['deployment', ...DEVICE], (add) => {
      for (const { deployment, id, name, counts } of measured()?.devices ?? []) {
        add({ deployment, ...labelsOf({ id, name }) }, counts[field]);
      }
    });
  }
  builder.counter('device_quarantines', 'Quarantines of a device', [...DEVICE], (add) => {
    for (const { quarantines, ...device } of measured()?.quarantines ?? [])
      add(labelsOf(device), quarantines);
  });
}

function labelsOf({ id, name }: Pick<DeviceView, 'id' | 'name'>) {
  return { device: name, device_id: id };
}
