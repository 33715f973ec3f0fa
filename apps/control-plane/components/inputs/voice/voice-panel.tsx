'use client';
import type { DeploymentView } from '@sparewheel/protocol';
import { Mic, MicOff } from 'lucide-react';
import { useState } from 'react';
import { Button } from '../../ui/button.tsx';
import { cn } from '../../ui/class-names.ts';
import { formatCount, formatMs, formatPercent } from '../../ui/format.ts';
import { Notice } from '../../ui/notice.tsx';
import { Segmented } from '../../ui/segmented.tsx';
import { AnswerNote } from '../answer-note.tsx';
import { useMicrophone } from './use-microphone.ts';
import { useSampleVoice } from './use-sample-voice.ts';
import { useVoice } from './use-voice.ts';
import { VoiceChart } from './voice-chart.tsx';
import { SPEECH_FROM } from './voice-view.ts';

type Source = 'sample' | 'microphone';
const SOURCES = [
  { value: 'sample', label: 'Sample' },
  { value: 'microphone', label: 'Microphone' },
] as const;

/** Shows the probability of speech in the microphone or in a synthetic voice. */
export function VoicePanel({ deployment }: { deployment: DeploymentView }) {
  const [source, setSource] = useState<Source>('sample');
  const { microphone, start, stop } = useMicrophone((samples) => hear(samples));
  const active = source === 'sample' || microphone.state === 'on';
  const { live, probabilities, skipped, hear } = useVoice(deployment, active);
  useSampleVoice(source === 'sample', hear);

  const probability = live.last?.value ?? null;
  const speech = probability !== null && probability >= SPEECH_FROM;
  return (
    <div className="flex flex-1 flex-col gap-3 border-t p-4">
      <Segmented
        label="Source of the sound"
        value={source}
        options={SOURCES}
        onChange={(next) => {
          stop();
          setSource(next);
        }}
      />
      {source === 'sample' ? (
        <p className="text-xs text-ink-soft">
          A synthetic voice says vowels for 2 s, then is silent for 2 s.
        </p>
      ) : microphone.state === 'on' ? (
        <Button size="small" variant="quiet" className="w-fit" onClick={stop}>
          <MicOff />
          Microphone off
        </Button>
      ) : (
        <Button
          size="small"
          className="w-fit"
          disabled={microphone.state === 'asking'}
          onClick={() => void start()}
        >
          <Mic />
          {microphone.state === 'asking' ? 'Asking for the microphone…' : 'Start the microphone'}
        </Button>
      )}
      {microphone.state === 'refused' && <Notice tone="danger">{microphone.problem}</Notice>}
      <p className="flex items-baseline gap-3">
        <output
          data-testid="voice-result"
          data-probability={probability ?? ''}
          className={cn(
            'text-2xl leading-8 font-semibold tracking-[-0.02em]',
            speech ? 'text-ok-ink' : 'text-ink-soft',
          )}
        >
          {probability === null ? '?' : speech ? 'Speech' : 'No speech'}
        </output>
        <span className="text-xs text-ink-faint">
          {probability === null
            ? '–'
            : `probability ${formatPercent(probability, 0)} · ${formatMs(live.last?.latencyMs ?? null)}`}
        </span>
      </p>
      <VoiceChart probabilities={probabilities} />
      {skipped > 0 && (
        <p className="text-xs text-ink-soft">
          {formatCount(skipped)} frames have no answer, because answers came too slowly or not at all.
        </p>
      )}
      <AnswerNote live={live} deployment={deployment} meanwhile="speak" />
    </div>
  );
}
