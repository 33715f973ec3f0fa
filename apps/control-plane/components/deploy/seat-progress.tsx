import type { DeploymentView } from '@sparewheel/protocol';
import { useMutation } from '@tanstack/react-query';
import { seatFraction } from '../control/deployment-status.ts';
import { askApi } from '../live-connection/api-client.ts';
import { ErrorNotice } from '../shell/errors.tsx';
import { Button } from '../ui/button.tsx';
import { formatBytes, formatPercent } from '../ui/format.ts';
import { Progress } from '../ui/progress.tsx';

/** The progress of a deployment and of each device's shard, with a button to cancel. */
export function SeatProgress({ deployment: { name, progress } }: { deployment: DeploymentView }) {
  const cancel = useMutation({
    mutationFn: () => askApi('DELETE', `/api/deployments/${encodeURIComponent(name)}`),
  });
  return (
    <div data-testid={`progress-${name}`} className="rounded-xl border bg-surface p-4 shadow-card">
      <div className="flex justify-between gap-3 text-[0.8125rem]">
        <span className="font-medium">
          {progress.phase === 'encoding' ? `Encoding the parity of ${name}` : `Sending shards of ${name}`}
        </span>
        <span>{formatPercent(progress.fraction, 0)}</span>
      </div>
      <Progress label={`Deployment of ${name}`} value={progress.fraction} className="mt-2" />
      <ul className="mt-3 grid gap-x-6 gap-y-2 sm:grid-cols-2 xl:grid-cols-3">
        {progress.seats.map((seat) => (
          <li key={seat.seat} className="text-xs">
            <div className="flex justify-between gap-2">
              <span className="truncate">{seat.deviceName ?? `shard ${seat.seat}, no device yet`}</span>
              <span className="whitespace-nowrap text-ink-faint">
                {seat.state === 'ready'
                  ? 'ready'
                  : `${formatBytes(seat.sentBytes)} of ${formatBytes(seat.totalBytes)}`}
              </span>
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
