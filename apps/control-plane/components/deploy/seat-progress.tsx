import type { DeploymentView } from '@sparewheel/protocol';
import { seatFraction } from '../control/deployment-status.ts';
import { useRequest } from '../control/use-request.ts';
import { askApi } from '../live-connection/api-client.ts';
import { Button } from '../ui/button.tsx';
import { formatBytes, formatPercent } from '../ui/format.ts';
import { Notice } from '../ui/notice.tsx';
import { Progress } from '../ui/progress.tsx';

/** A bar for the whole and one for each device, until every one holds its shard; and the way out. */
export function SeatProgress({ deployment: { name, progress } }: { deployment: DeploymentView }) {
  const { busy, problem, run } = useRequest();
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
              <span className="truncate">{seat.deviceName ?? `seat ${seat.seat}, no device yet`}</span>
              <span className="whitespace-nowrap text-ink-faint">
                {seat.state === 'ready'
                  ? 'ready'
                  : `${formatBytes(seat.sentBytes)} of ${formatBytes(seat.totalBytes)}`}
              </span>
            </div>
            <Progress
              label={`Shard of ${seat.deviceName ?? `seat ${seat.seat}`}`}
              value={seatFraction(seat)}
              className="mt-1"
            />
          </li>
        ))}
      </ul>
      <Button
        size="small"
        variant="quiet"
        className="mt-3 -ml-2.5"
        disabled={busy}
        title={`Deletes deployment ${name}; the model stays, and so do shards that devices already hold.`}
        onClick={() => void run(() => askApi('DELETE', `/api/deployments/${encodeURIComponent(name)}`))}
      >
        Cancel the deployment
      </Button>
      {problem && <Notice tone="danger">{problem}</Notice>}
    </div>
  );
}
