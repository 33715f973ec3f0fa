import type { DeviceView } from '@sparewheel/protocol';
import { Card } from '../ui/card.tsx';
import { formatBytes } from '../ui/format.ts';

/** What its process uses of the machine's memory, and what its shard store holds on disk. */
export function DeviceMemory({ device: { memory } }: { device: DeviceView }) {
  const { rssBytes, totalBytes, storeBytes } = memory;
  const share = totalBytes === 0 ? 0 : Math.min(1, rssBytes / totalBytes);
  return (
    <Card title="Memory">
      <div className="flex flex-col gap-3 border-t p-4 text-[0.8125rem]">
        <div>
          <div className="flex justify-between gap-3">
            <span>Its process</span>
            <span>
              {rssBytes === 0 ? '–' : formatBytes(rssBytes)}
              {totalBytes > 0 && <span className="text-ink-faint"> of {formatBytes(totalBytes)}</span>}
            </span>
          </div>
          {totalBytes > 0 && (
            <div aria-hidden className="mt-1.5 h-2 overflow-hidden rounded-full bg-raised">
              <div
                className="h-full rounded-full bg-data"
                style={{ width: `${Math.max(0.5, share * 100)}%` }}
              />
            </div>
          )}
        </div>
        <div className="flex justify-between gap-3">
          <span>Shards in its store</span>
          <span>{formatBytes(storeBytes)}</span>
        </div>
      </div>
    </Card>
  );
}
