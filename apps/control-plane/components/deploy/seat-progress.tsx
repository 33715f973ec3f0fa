import type { DeploymentView, SeatView } from '@sparewheel/protocol';
import { useMutation } from '@tanstack/react-query';
import { seatFraction } from '../control/deployment-status.ts';
import { askApi } from '../live-connection/api-client.ts';
import { ErrorNotice } from '../shell/errors.tsx';
import { Button } from '../ui/button.tsx';
import { bytesColumn, formatBytes, formatIn, formatPercent } from '../ui/format.ts';
import { Progress } from '../ui/progress.tsx';

/** Says how far a seat is. After the last byte, the device still verifies and loads its files. */
function seatText({ state, sentBytes, totalBytes }: SeatView): string {
  if (state === 'ready') return 'ready';
  if (totalBytes === 0) return 'waiting';
  if (sentBytes >= totalBytes) return `${formatBytes(totalBytes)} sent, loading`;
  return `${formatIn(bytesColumn([totalBytes]), sentBytes)} of ${formatBytes(totalBytes)}`;
}

/** The progress of a deployment and of each device's shard, with a button to cancel. */
export function SeatProgress({ deployment: { name, progress } }: { deployment: DeploymentView }) {
  const cancel = useMutation({
    mutationFn: () => askApi('DELETE', `/api/deployments/${encodeURIComponent(name)}`),
  });
  return (
    <div data-testid={`progress-${name}`} className="rounded-xl border bg-surface p-4 shadow-card">
      <div className="flex justify-between gap-3 text-[0.8125rem]">
        <span className="font-medium">
          {progress.phase === 'encoding'
            ? `Encoding and sending shards of ${name}`
            : `Sending shards of ${name}`}
        </span>
        <span>{formatPercent(progress.fraction, 0)}</span>
      </div>
      <Progress label={`Deployment of ${name}`} value={progress.fraction} className="mt-2" />
      <ul className="mt-3 grid gap-x-6 gap-y-2 sm:grid-cols-2 xl:grid-cols-3">
        {progress.seats.map((seat) => (
          <li key={seat.seat} className="text-xs">
            <div className="flex justify-between gap-2">
              <span className="truncate">{seat.deviceName ?? `shard ${seat.seat}, no device yet`}</span>
              <span className="whitespace-nowrap text-ink-faint">{seatText(seat)}</span>
            </div>
            <Progress label={`Progress of shard ${seat.seat}`} value={seatFraction(seat)} className="mt-1" />
          </li>
        ))}
      </ul>
      <Button
        size="small"
        variant="quiet"
        className="mt-3 -ml-2.5"
        disabled={cancel.isPending}
        title={`Deletes deployment ${name}. The model stays, and devices keep the shards that they have.`}
        onClick={() => cancel.mutate()}
      >
        Cancel the deployment
      </Button>
      <ErrorNotice error={cancel.error} />
    </div>
  );
}
