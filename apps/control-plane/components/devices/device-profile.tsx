'use client';
import type { DeviceView } from '@sparewheel/protocol';
import { Card } from '../ui/card.tsx';
import { formatAgo, formatBytes, formatCount, formatMagnitude, formatMs } from '../ui/format.ts';
import { useNow } from '../use-now.ts';

/** A device as last reported. Fields that it did not report are absent. */
export function DeviceProfile({ device }: { device: DeviceView }) {
  const now = useNow();
  const facts = [
    { label: 'Round trip', value: formatMs(device.roundTripMs) },
    { label: 'Arrival', value: formatMs(device.arrivalMs), note: 'from request to answer, smoothed' },
    { label: 'In flight', value: formatCount(device.inFlight) },
    { label: 'Answers', value: formatCount(device.answers) },
    {
      label: 'Late',
      value: formatCount(device.late),
      note: 'answers that came after the result; canceled ones never come',
    },
    { label: 'Invalid', value: formatCount(device.invalid), note: 'rejected on arrival' },
    {
      label: 'Engine',
      value: device.engine === 'native' ? 'ONNX Runtime, native' : 'ONNX Runtime, WebAssembly',
    },
    { label: 'Process ID', value: device.processId === null ? 'none' : String(device.processId) },
    {
      label: 'Supervised',
      value: device.supervised ? 'yes' : 'no',
      note: device.supervised ? 'can be revived from here' : 'must be restarted by hand',
    },
    ...(device.temperatureCelsius === null
      ? []
      : [{ label: 'Temperature', value: `${device.temperatureCelsius.toFixed(0)} °C` }]),
    ...measurements(device),
    { label: 'Joined', value: formatAgo(device.joinedAt, now) },
    { label: 'Last seen', value: formatAgo(device.lastSeenAt, now) },
  ];
  return (
    <Card title="Profile">
      <dl className="grid grid-cols-2 gap-x-4 gap-y-3 border-t p-4 sm:grid-cols-3 xl:grid-cols-4">
        {facts.map(({ label, value, note }) => (
          <div key={label} className="min-w-0">
            <dt className="text-xs text-ink-faint">{label}</dt>
            <dd className="font-medium break-words">{value}</dd>
            {note !== undefined && <dd className="text-xs text-ink-faint">{note}</dd>}
          </div>
        ))}
      </dl>
    </Card>
  );
}

/** The measurements that plans are based on, taken when the device first joined. */
function measurements({ profile }: DeviceView): { label: string; value: string; note?: string }[] {
  if (profile == null) return [];
  const { multiplyAddsPerSecond, memoryBytesPerSecond, cores, hopMs, bytesPerSecond } = profile;
  return [
    {
      label: 'Compute',
      value: `${formatMagnitude(multiplyAddsPerSecond)} multiply-adds/s`,
      note: 'measured',
    },
    { label: 'Memory bandwidth', value: `${formatBytes(memoryBytesPerSecond)}/s`, note: 'measured' },
    { label: 'Cores', value: String(cores) },
    ...(hopMs === null
      ? []
      : [{ label: 'Hop', value: formatMs(hopMs), note: 'round trip without computing' }]),
    ...(bytesPerSecond === null
      ? []
      : [{ label: 'Link', value: `${formatBytes(bytesPerSecond)}/s`, note: 'measured' }]),
  ];
}

/** The memory of the device process, and the size of its shard store on disk. */
export function DeviceMemory({ device: { memory } }: { device: DeviceView }) {
  const { rssBytes, totalBytes, storeBytes } = memory;
  const share = totalBytes === 0 ? 0 : Math.min(1, rssBytes / totalBytes);
  return (
    <Card title="Memory">
      <div className="flex flex-col gap-3 border-t p-4 text-[0.8125rem]">
        <div>
          <div className="flex justify-between gap-3">
            <span>Process</span>
            <span>
              {rssBytes === 0 ? '–' : formatBytes(rssBytes)}
              {totalBytes > 0 && <span className="text-ink-faint"> of {formatBytes(totalBytes)}</span>}
            </span>
          </div>
          {share > 0 && (
            <div aria-hidden className="mt-1.5 h-2 overflow-hidden rounded-full bg-raised">
              <div
                className="h-full rounded-full bg-data"
                style={{ width: `${Math.max(0.5, share * 100)}%` }}
              />
            </div>
          )}
        </div>
        <div className="flex justify-between gap-3">
          <span>Shard store on disk</span>
          <span>{formatBytes(storeBytes)}</span>
        </div>
      </div>
    </Card>
  );
}
