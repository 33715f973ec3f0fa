'use client';
import { useQuery } from '@tanstack/react-query';
import { joinPageAddress } from '../join/join-command-view.ts';
import { QrCode } from '../join/qr-code.tsx';
import { useJoinAddress } from '../join/use-join-address.ts';
import { askApi } from '../live-connection/api-client.ts';
import { ErrorNotice } from '../shell/errors.tsx';

/** The QR code with which a phone in the room becomes a device. The stage shows the join token on purpose. */
export function StageJoin() {
  const address = useJoinAddress();
  const { data, error } = useQuery({
    queryKey: ['join-token'],
    queryFn: ({ signal }) => askApi<{ token: string }>('GET', '/api/join', undefined, signal),
    gcTime: 0,
  });
  if (error !== null) return <ErrorNotice error={error} />;
  if (data === undefined) return null;
  const { chosen, problem } = address;
  if (chosen.onlyThisMachine) {
    return (
      <p className="text-base leading-6 text-ink-soft" data-testid="stage-join">
        {problem ?? 'Phones cannot join: this address works only on this machine.'}
      </p>
    );
  }
  const link = joinPageAddress(chosen.dashboard ?? window.location.origin, data.token);
  return (
    <div
      data-testid="stage-join"
      className="flex min-w-0 flex-col items-center gap-1 [&>svg]:w-[clamp(12rem,16vw,26rem)]"
    >
      <QrCode text={link} label="QR code of the join address" />
      <p className="text-lg leading-6 font-semibold">Join with your phone</p>
      <p className="max-w-full truncate text-sm text-ink-soft">{new URL(link).host}</p>
    </div>
  );
}
