'use client';
import type { DeploymentView } from '@sparewheel/protocol';
import { usualDims } from '@sparewheel/protocol';
import { formatMs } from '../../ui/format.ts';
import { AnswerNote } from '../answer-note.tsx';
import { type ImageInput, inputBytes } from '../image-input.ts';
import { floatsOf } from '../infer.ts';
import { SquareStage } from '../square-stage.tsx';
import { useLiveAnswers } from '../use-live-answers.ts';
import { useSquarePicture } from '../use-square-picture.ts';
import { topClasses } from './class-scores.ts';

const SHOWN_CLASSES = 5;

/** Classifies a picture or the camera repeatedly, and shows the most probable classes by number. */
export function ClassesPanel({ deployment, image }: { deployment: DeploymentView; image: ImageInput }) {
  const square = useSquarePicture(null);
  const [input] = deployment.inputs;
  const output = deployment.outputs[0]?.name ?? '';
  const live = useLiveAnswers(deployment, square.present, {
    input: square.input,
    feeds: () => {
      const pixels = square.pixels(image);
      if (pixels === null || input === undefined) return null;
      const bytes = inputBytes(pixels, image);
      const data = input.type === 'uint8' ? bytes : Float32Array.from(bytes, (value) => value / 255);
      return [{ name: input.name, dims: usualDims(input), data }];
    },
    fetches: [output],
    read: (answer) => topClasses(floatsOf(answer, output), SHOWN_CLASSES),
  });
  const classes = live.last?.value ?? null;
  return (
    <div className="flex flex-1 flex-col gap-3 border-t p-4">
      <SquareStage square={square} sources={['picture', 'camera']} />
      <ol
        aria-label="Most probable classes"
        data-testid="classes"
        className="flex min-h-24 flex-col gap-1 text-xs"
      >
        {(classes ?? []).map(({ index, probability }) => (
          <li key={index} className="grid grid-cols-[5rem_minmax(0,1fr)_3rem] items-center gap-2">
            <span>class {index}</span>
            <span className="h-1.5 overflow-hidden rounded-full bg-raised">
              <span className="block h-full rounded-full bg-ink" style={{ width: `${probability * 100}%` }} />
            </span>
            <span className="text-right">{(probability * 100).toFixed(1)} %</span>
          </li>
        ))}
      </ol>
      <p className="text-xs text-ink-faint">
        {classes === null ? '–' : formatMs(live.last?.latencyMs ?? null)} · colors from 0 to 1, classes by
        number
      </p>
      <AnswerNote live={live} deployment={deployment} meanwhile="watch the classes" />
    </div>
  );
}
