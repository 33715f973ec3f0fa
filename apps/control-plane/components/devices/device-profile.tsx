'use client';
import type { DeviceView } from '@sparewheel/protocol';
import { Card } from '../ui/card.tsx';
import { formatAgo, formatBytes, formatCount, formatMagnitude, formatMs } from '../ui/format.ts';
import { useNow } from '../use-now.ts';

/** What is known of a device. What it did not say is left out. */
export function DeviceProfile({ device }: { device: DeviceView }) {
  const now = useNow();
  const facts = [
    { label: 'Round trip', value: formatMs(device.roundTripMs) },
    { label: 'Arrival', value: formatMs(device.arrivalMs), note: 'from question to answer, smoothed' },
    { label: 'In flight', value: formatCount(device.inFlight) },
    { label: 'Answers', value: formatCount(device.answers) },
    { label: 'Late', value: formatCount(device.late), note: 'came after the result' },
    { label: 'Invalid', value: formatCount(device.invalid), note: 'refused at the edge' },
    {
      label: 'Engine',
      value: device.engine === 'native' ? 'ONNX Runtime, native' : 'ONNX Runtime, WebAssembly',
    },
    { label: 'Process', value: device.processId === null ? 'none' : String(device.processId) },
    {
      label: 'Supervised',
      value: device.supervised ? 'yes' : 'no',
      note: device.supervised ? 'can be killed and revived from here' : 'nobody restarts it',
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

/** What planning goes by, measured when it first joined. */
function measurements({ profile }: DeviceView): { label: string; value: string; note?: string }[] {
  if (profile == null) return [];
  const { multiplyAddsPerSecond, memoryBytesPerSecond, cores, hopMs, bytesPerSecond } = profile;
  return [
    {
      label: 'Computes',
      value: `${formatMagnitude(multiplyAddsPerSecond)} multiply-adds/s`,
      note: 'measured',
    },
    { label: 'Reads weights', value: `${formatBytes(memoryBytesPerSecond)}/s`, note: 'measured' },
    { label: 'Cores', value: String(cores) },
    ...(hopMs === null
      ? []
      : [{ label: 'Hop', value: formatMs(hopMs), note: 'there and back, no computing' }]),
    ...(bytesPerSecond === null
      ? []
      : [{ label: 'Link', value: `${formatBytes(bytesPerSecond)}/s`, note: 'measured' }]),
  ];
}
