'use client';
import { layerText, seatText } from './join-page-view.ts';
import { useJoinedSeats } from './use-joined-seats.ts';

/** Layers that are listed before "more". */
const FIRST = 4;

/** The seats of this device, and the rows of each layer that it computes. */
export function JoinedShards({ device, token, tasks }: { device: string; token: string; tasks: number }) {
  const seats = useJoinedSeats(device, token, tasks);
  return (
    <div className="border-t px-4 py-3" data-testid="join-shards">
      <h2 className="text-xs text-ink-faint">Its part of the network</h2>
      {seats.length === 0 ? (
        <p className="text-ink-soft">
          {tasks === 0 ? 'Nothing yet: it waits for a shard.' : 'Its shards are loaded.'}
        </p>
      ) : (
        seats.map((seat) => (
          <div key={seat.deployment} className="mt-0.5">
            <p className="font-semibold break-words">{seatText(seat)}</p>
            <ul className="text-[0.8125rem] leading-5 break-words text-ink-soft">
              {seat.layers.slice(0, FIRST).map((layer) => (
                <li key={layer.layer}>{layerText(layer)}</li>
              ))}
              {seat.layers.length > FIRST && (
                <li>
                  and {seat.layers.length - FIRST} more{' '}
                  {seat.layers.length === FIRST + 1 ? 'layer' : 'layers'}
                </li>
              )}
            </ul>
          </div>
        ))
      )}
    </div>
  );
}
