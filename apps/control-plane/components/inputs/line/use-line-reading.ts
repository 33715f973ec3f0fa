'use client';
import type { DeploymentView } from '@sparewheel/protocol';
import {
  LINE_HEIGHT,
  LINE_WIDTH,
  lineTensor,
  type ReadLine,
  readCharacters,
} from '@sparewheel/zoo/line-reader';
import type { RefObject } from 'react';
import { useApi } from '../../live-connection/live-queries.ts';
import { floatsOf } from '../infer.ts';
import { type LiveAnswers, useLiveAnswers } from '../use-live-answers.ts';
import { type Comparison, compareTexts } from './line-view.ts';

/** A line to read: what is on the paper. */
export interface LineToRead {
  readonly paper: RefObject<HTMLCanvasElement | null>;
  /** The columns of the paper that are filled. */
  readonly filled: RefObject<number>;
  /** Whether there is something to read now. */
  readonly present: boolean;
  /** Identifies the line: an answer is only shown with the line that it was asked for. */
  readonly input: unknown;
  /** null for a picture, whose text is unknown. */
  readonly typed: string | null;
  /** Paints the paper before each request; returns whether it did. Absent for a line that does not change. */
  readonly refresh?: (context: CanvasRenderingContext2D) => boolean;
}

export interface LineReading {
  readonly live: LiveAnswers<ReadLine>;
  /** The answer to this line; or, for a moment, to the line before it. */
  readonly read: ReadLine | null;
  /** Whether `read` is the answer to this line. */
  readonly current: boolean;
  readonly comparison: Comparison;
  /** The characters of the model cannot be loaded. */
  readonly error: Error | null;
}

/** Reads a line repeatedly. */
export function useLineReading(deployment: DeploymentView, line: LineToRead): LineReading {
  const { data: alphabet, error } = useApi<readonly string[]>('/api/zoo/line-reader/labels');
  const live = useLiveAnswers(deployment, line.present && alphabet !== undefined, {
    input: line.input,
    feeds: () => {
      const { paper, filled, refresh } = line;
      const context = paper.current?.getContext('2d', { willReadFrequently: true });
      if (!context || (refresh !== undefined && !refresh(context))) return null;
      const { data } = context.getImageData(0, 0, filled.current, LINE_HEIGHT);
      const tensor = lineTensor(data, filled.current);
      return [
        { name: deployment.inputs[0]?.name ?? '', dims: [1, 3, LINE_HEIGHT, LINE_WIDTH], data: tensor },
      ];
    },
    fetches: ['characters', 'confidence'],
    read: (answer) => ({
      ...readCharacters(
        answer.outputs.get('characters') as BigInt64Array,
        floatsOf(answer, 'confidence'),
        alphabet ?? [],
      ),
      typed: line.typed,
    }),
  });
  const last = live.last?.value ?? null;
  return {
    live,
    read: last ?? live.previous?.value ?? null,
    current: last !== null,
    comparison: last === null ? 'unknown' : compareTexts(last.typed, last.text),
    error,
  };
}
