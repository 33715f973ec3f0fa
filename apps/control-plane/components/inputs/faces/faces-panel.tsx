'use client';
import type { DeploymentView } from '@sparewheel/protocol';
import { DRAWN_FACE, FACE_SIZE, type Face, faceTensor, findFaces } from '@sparewheel/zoo/faces';
import { formatMs, formatPercent } from '../../ui/format.ts';
import { AnswerNote } from '../answer-note.tsx';
import { floatsOf } from '../infer.ts';
import { SquareStage } from '../square-stage.tsx';
import { useLiveAnswers } from '../use-live-answers.ts';
import { useSquarePicture } from '../use-square-picture.ts';

/** Finds faces in a picture or in the camera repeatedly. */
export function FacesPanel({ deployment }: { deployment: DeploymentView }) {
  const square = useSquarePicture(DRAWN_FACE);
  const fetches = deployment.outputs.map(({ name }) => name);
  const live = useLiveAnswers(deployment, square.present, {
    input: square.input,
    feeds: () => {
      const pixels = square.pixels({ width: FACE_SIZE, height: FACE_SIZE });
      if (pixels === null) return null;
      const name = deployment.inputs[0]?.name ?? '';
      return [{ name, dims: [1, FACE_SIZE, FACE_SIZE, 3], data: faceTensor(pixels) }];
    },
    fetches,
    read: (answer) => {
      const [fineScores, coarseScores, fineBoxes, coarseBoxes] = fetches.map((name) =>
        floatsOf(answer, name),
      );
      return findFaces([fineScores!, coarseScores!], [fineBoxes!, coarseBoxes!]);
    },
  });
  const faces = live.last?.value ?? null;
  return (
    <div className="flex flex-1 flex-col gap-3 border-t p-4">
      <SquareStage square={square} sources={['sample', 'picture', 'camera']}>
        {faces?.map((face, index) => (
          <FaceBox key={index} face={face} />
        ))}
      </SquareStage>
      <p className="flex items-baseline gap-3">
        <output data-testid="face-count" className="text-2xl leading-8 font-semibold tracking-[-0.02em]">
          {faces === null
            ? '?'
            : faces.length === 0
              ? 'No face'
              : faces.length === 1
                ? '1 face'
                : `${faces.length} faces`}
        </output>
        <span className="text-xs text-ink-faint">
          {faces === null ? '–' : formatMs(live.last?.latencyMs ?? null)}
        </span>
      </p>
      <AnswerNote live={live} deployment={deployment} meanwhile="watch the boxes" />
    </div>
  );
}

function FaceBox({ face: { x, y, width, height, score } }: { face: Face }) {
  const percent = (part: number) => `${part * 100}%`;
  return (
    <span
      data-testid="face-box"
      className="absolute rounded-md border-3 border-[#f5d04c] shadow-[0_0_0_1px_rgb(0_0_0/0.6)]"
      style={{ left: percent(x), top: percent(y), width: percent(width), height: percent(height) }}
    >
      <span className="absolute bottom-full left-0 mb-0.5 rounded bg-black/70 px-1 text-xs font-medium text-white">
        {formatPercent(score, 0)}
      </span>
    </span>
  );
}
