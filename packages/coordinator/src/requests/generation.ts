import type { Tallies } from '../devices/tally.ts';
import type { Placement } from '../placement/placement.ts';
import type { Program } from './program.ts';

/**
 * One plan of a deployment, with its placement on devices. Each deploy call under a name creates a new generation.
 * During a rolling change two or more exist: the active one, the next one, and older ones that finish their requests.
 */
export interface Generation {
  readonly deployment: string;
  readonly program: Program;
  readonly placement: Placement;
  /** Whether the deployment is a mirror, whose computations have a cap of their own on each device. */
  readonly mirror: boolean;
  /** Of the deployment. */
  readonly tallies: Tallies;
  /** Requests that run on this generation. */
  inFlight: number;
  /** Whether a step's answers are being compared with reference outputs computed by the data plane. */
  comparing: boolean;
  /** Whether a sampled request awaits answers. Only one at a time: the devices keep places for one. */
  sampling?: boolean;
  /** Records that an answered request used a wrong answer. */
  answeredWrong(request: number): void;
}
