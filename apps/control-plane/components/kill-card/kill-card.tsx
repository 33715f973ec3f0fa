'use client';
import type { DeploymentView, FaultReportView } from '@sparewheel/protocol';
import { Image as ImageIcon, Skull } from 'lucide-react';
import { useRef, useState } from 'react';
import { checksAnswers } from '../control/deployment-status.ts';
import { useFaultReports } from '../duel/answer-store.ts';
import type { Duel } from '../duel/duel-view.ts';
import { savePng } from '../export/save-png.ts';
import { useTimeOfDay } from '../latency/use-time-of-day.ts';
import { toastError } from '../shell/errors.tsx';
import { Button } from '../ui/button.tsx';
import { cn } from '../ui/class-names.ts';
import { type KillSentence, type KillTone, killSentence } from './kill-sentence.ts';
import { RequestDialog } from './request-dialog.tsx';

const TONES: Record<KillTone, string> = {
  ok: 'text-ok-ink',
  unchecked: 'text-ink',
  danger: 'text-danger-ink',
  waiting: 'text-warning-ink',
};

/** The faults of a duel's devices, newest first, with their sentences. */
function useKillSentences({ coded, uncoded }: Duel) {
  const reports = useFaultReports();
  const timeOf = useTimeOfDay();
  const laneOf = (deployment: DeploymentView) => ({
    name: deployment.name,
    checked: checksAnswers(deployment),
  });
  const lanes = { coded: laneOf(coded), uncoded: uncoded === null ? null : laneOf(uncoded) };
  return reports.flatMap((report) => {
    const sentence = killSentence(report, lanes, timeOf);
    return sentence === null ? [] : [{ report, sentence }];
  });
}

/** What the last fault did to the requests in flight, in measured numbers. Earlier faults follow on request. */
export function KillCard({ duel }: { duel: Duel }) {
  const [all, showAll] = useState(false);
  const cards = useKillSentences(duel);
  const [latest, ...earlier] = cards;
  if (latest === undefined) {
    return (
      <p className="border-t px-4 py-3 text-[0.8125rem] text-ink-soft">
        Kill a device in the fleet below. The measured effect appears here.
      </p>
    );
  }
  return (
    <div className="border-t">
      <Fault key={latest.report.id} duel={duel} {...latest} />
      {earlier.length > 0 && (
        <div className="px-4 pb-2">
          <Button
            variant="quiet"
            size="small"
            className="-ml-2.5"
            aria-expanded={all}
            onClick={() => showAll(!all)}
          >
            {all ? 'Hide earlier faults' : `Earlier faults (${earlier.length})`}
          </Button>
          {all && (
            <ul className="mt-1 flex flex-col gap-1 pb-2 text-xs text-ink-soft">
              {earlier.map(({ report, sentence }) => (
                <li key={report.id} className="[overflow-wrap:anywhere]">
                  {[sentence.headline, sentence.coded, sentence.uncoded].join(' ')}
                </li>
              ))}
            </ul>
          )}
        </div>
      )}
    </div>
  );
}

function Fault({ duel, report, sentence }: { duel: Duel; report: FaultReportView; sentence: KillSentence }) {
  const frame = useRef<HTMLDivElement>(null);
  function save() {
    if (frame.current === null) return;
    const title = `${duel.coded.name}: coded against uncoded · ${new Date(report.at).toLocaleString('en-GB')}`;
    savePng(frame.current, title, `fault-${report.deviceName}-${report.id}.png`).catch((error: unknown) =>
      toastError(error, 'The picture was not saved: '),
    );
  }
  return (
    <div className="flex flex-wrap items-center gap-x-4 gap-y-2 px-4 py-3">
      <div ref={frame} className="min-w-0 flex-[1_1_24rem] bg-surface">
        <KillText report={report} sentence={sentence} />
      </div>
      <div className="flex items-center gap-2">
        <RequestDialog report={report} deployment={duel.coded} />
        <Button
          variant="quiet"
          size="icon"
          title="Save this card as PNG"
          aria-label="Save this card as PNG"
          disabled={report.measuring}
          onClick={save}
        >
          <ImageIcon />
        </Button>
      </div>
    </div>
  );
}

/** The sentence of one fault. */
function KillText({
  report,
  sentence,
  large = false,
}: {
  report: FaultReportView;
  sentence: KillSentence;
  large?: boolean;
}) {
  return (
    <p
      role="status"
      data-testid="kill-card"
      data-fault={report.id}
      data-measuring={report.measuring}
      className={cn('min-w-0 [overflow-wrap:anywhere]', !large && 'text-[0.9375rem] leading-6')}
    >
      <Skull aria-hidden className="mr-2 inline-block size-[1em] align-[-0.1em] text-danger-ink" />
      <span className="font-semibold">{sentence.headline}</span>{' '}
      <span className={cn('font-medium', TONES[sentence.codedTone])}>{sentence.coded}</span>
      {sentence.uncoded !== null && (
        <>
          {' '}
          <span className={cn('font-medium', large && 'block', TONES[sentence.uncodedTone])}>
            {sentence.uncoded}
          </span>
        </>
      )}
      {report.measuring && <span className="text-ink-faint"> Still measuring.</span>}
    </p>
  );
}

/** The sentence of the last fault alone, for the stage. */
export function LatestKill({ duel }: { duel: Duel }) {
  const [latest] = useKillSentences(duel);
  if (latest !== undefined) return <KillText {...latest} large />;
  return <p className="text-ink-soft">Press a number to kill a device. The measured effect appears here.</p>;
}
