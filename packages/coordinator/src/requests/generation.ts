import type { Placement } from '../placement/placement.ts';
import type { Program } from './program.ts';

/** One plan of a deployment with its seats. A rolling change has two for a while: the old one and the new one. */
export interface Generation {
  readonly deployment: string;
  readonly program: Program;
  readonly placement: Placement;
  /** Requests on their way through it. */
  inFlight: number;
  /** A layer is being computed here to find out who answered wrongly. */
  comparing: boolean;
  /** A request got a wrong answer, as was noticed afterwards. */
  answeredWrong(request: number): void;
}
