import {
  type Artifact,
  type Artifacts,
  type CodedStep,
  type LocalStep,
  mergesParts,
  type Plan,
  partOf,
  type ReplicatedStep,
  type TensorProfile,
} from '@sparewheel/planner';
import type { TensorSpec } from '@sparewheel/protocol';
import { AnswerTimes } from '../devices/answer-time.ts';
import { InvalidDeploymentError } from '../errors.ts';
import type { SeatTask } from '../ports.ts';
import { AdaptiveWait } from '../steps/adaptive-wait.ts';
import { BackupHold } from '../steps/backup-hold.ts';
import { ShapeMemory } from '../steps/shape-memory.ts';
import { type ShardCode, shardCodeOf } from '../steps/shard-code.ts';

interface ProgramStepCommon {
  readonly index: number;
  readonly id: string;
  readonly feedSlots: readonly number[];
  readonly fetchSlots: readonly number[];
  readonly names: { readonly feeds: readonly string[]; readonly fetches: readonly string[] };
  /** Number of feeds that other steps produce. */
  readonly awaitedFeeds: number;
}

export interface LocalProgramStep extends ProgramStepCommon {
  readonly kind: 'local';
  readonly plan: LocalStep;
  /** Null for a step that merges parts, which needs no engine. */
  readonly artifact: Artifact | null;
}

export interface ReplicatedProgramStep extends ProgramStepCommon {
  readonly kind: 'replicated';
  readonly plan: ReplicatedStep;
  readonly artifact: Artifact;
  readonly answerTimes: AnswerTimes;
  readonly task: number;
  /** By index of the seat in the step: the task number on a substitute, which may also have the task above. */
  readonly substituteTasks: readonly number[];
  /**
   * Expected type and shape of each fetch. null if the profile does not know them, or if the data plane's own result
   * contradicted the profile.
   */
  readonly fetchShapes: (TensorProfile | null)[];
  /** What requests have shown about the step. */
  readonly learned: {
    /** The model itself gives NaN or infinity here for some inputs, as an attention mask of -∞. */
    notFinite: boolean;
  };
  /** How long a backup is held back; for tiles and slices only. */
  readonly hold: BackupHold | null;
}

export interface CodedProgramStep extends ProgramStepCommon {
  readonly kind: 'coded';
  readonly plan: CodedStep;
  /** By shard index. */
  readonly artifacts: readonly Artifact[];
  readonly answerTimes: AnswerTimes;
  readonly task: number;
  /** By shard: the task number on a substitute, which may also have the task above. */
  readonly substituteTasks: readonly number[];
  readonly code: ShardCode;
  readonly shapes: ShapeMemory;
  readonly wait: AdaptiveWait;
}

export type ProgramStep = LocalProgramStep | ReplicatedProgramStep | CodedProgramStep;

/** A compiled plan: every tensor has a slot number, and every step knows which tensors it waits for. */
export interface Program {
  readonly plan: Plan;
  readonly steps: readonly ProgramStep[];
  readonly slots: number;
  readonly inputs: readonly { readonly spec: TensorSpec; readonly slot: number }[];
  readonly outputs: readonly { readonly spec: TensorSpec; readonly slot: number }[];
  /** Number of reads by slot: one per feed of a step, one per output. */
  readonly uses: Int32Array;
  /** By step: number of feeds that other steps produce. */
  readonly awaited: Int32Array;
  /** By slot: the steps that read it, once per read. */
  readonly readers: readonly (readonly number[])[];
  /** By seat: the tasks that its holder must load. */
  readonly seatTasks: readonly (readonly SeatTask[])[];
  /** By seat: the same tasks under the numbers that a substitute uses. */
  readonly substituteTasks: readonly (readonly SeatTask[])[];
}

/**
 * Checks a plan against its artifacts, and numbers its tensors and tasks.
 * @param nextTask  returns an unused task number
 * @throws {InvalidDeploymentError} a feed that no step produces, a missing artifact, a seat used twice
 */
export function compilePlan(name: string, plan: Plan, artifacts: Artifacts, nextTask: () => number): Program {
  const slotOf = new Map<string, number>();
  const inputs = plan.inputs.map((spec) => ({ spec, slot: newSlot(spec.name) }));
  const seatTasks: SeatTask[][] = plan.seats.map(() => []);
  const substituteSeatTasks: SeatTask[][] = plan.seats.map(() => []);
  const holds = new Map<string, BackupHold[]>();
  const steps = plan.steps.map((step, index) => compileStep(step, index));
  const outputs = plan.outputs.map((spec) => {
    const slot = slotOf.get(spec.name);
    if (slot === undefined) refuse(`no step produces the output ${JSON.stringify(spec.name)}`);
    return { spec, slot };
  });

  const uses = new Int32Array(slotOf.size);
  const readers: number[][] = Array.from({ length: slotOf.size }, () => []);
  for (const step of steps) {
    for (const slot of step.feedSlots) {
      uses[slot]!++;
      readers[slot]!.push(step.index);
    }
  }
  for (const { slot } of outputs) uses[slot]!++;
  const awaited = Int32Array.from(steps, (step) => step.awaitedFeeds);
  const slots = slotOf.size;
  const substituteTasks = substituteSeatTasks;
  return { plan, steps, slots, inputs, outputs, uses, awaited, readers, seatTasks, substituteTasks };

  function holdsOf(result: string): BackupHold[] {
    const found = holds.get(result) ?? [];
    holds.set(result, found);
    return found;
  }

  function refuse(problem: string): never {
    throw new InvalidDeploymentError(name, problem);
  }

  function newSlot(tensor: string): number {
    if (slotOf.has(tensor)) refuse(`two steps produce the tensor ${JSON.stringify(tensor)}`);
    slotOf.set(tensor, slotOf.size);
    return slotOf.size - 1;
  }

  function compileStep(step: Plan['steps'][number], index: number): ProgramStep {
    const feeds = step.kind === 'coded' ? [step.feed] : step.feeds;
    const fetches = step.kind === 'coded' ? [step.fetch] : step.fetches;
    const feedSlots = feeds.map((feed) => {
      const slot = slotOf.get(feed);
      if (slot === undefined)
        refuse(`step ${step.id} reads ${JSON.stringify(feed)}, which no earlier step produces`);
      return slot;
    });
    const awaitedFeeds = feedSlots.filter((slot) => slot >= inputs.length).length;
    const names = { feeds, fetches };
    const files = artifacts[step.id] ?? [];
    const required = step.kind === 'coded' ? step.dataShards + step.parityShards : mergesParts(step) ? 0 : 1;
    if (files.length !== required) {
      refuse(
        `step ${step.id} needs ${required} artifacts but has ${files.length}; build them from the same plan`,
      );
    }
    const common = { index, id: step.id, feedSlots, names, awaitedFeeds };
    if (step.kind === 'local') {
      const fetchSlots = fetches.map(newSlot);
      return { ...common, kind: 'local', plan: step, fetchSlots, artifact: files[0] ?? null };
    }
    const task = nextTask();
    const substituteTasks = step.seats.map(nextTask);
    const answerTimes = new AnswerTimes(plan.predictions?.plan.answerMs?.[step.id] ?? null);
    if (new Set(step.seats).size !== step.seats.length) refuse(`step ${step.id} uses a seat twice`);
    for (const [shard, seat] of step.seats.entries()) {
      const tasks = seatTasks[seat];
      if (!tasks) refuse(`step ${step.id} uses seat ${seat}, which the plan does not have`);
      const artifact = files[step.kind === 'coded' ? shard : 0]!;
      tasks.push({ task, artifact, feeds: [...feeds], fetches: [...fetches] });
      substituteSeatTasks[seat]!.push({
        task: substituteTasks[shard]!,
        artifact,
        feeds: [...feeds],
        fetches: [...fetches],
      });
    }
    const fetchSlots = fetches.map(newSlot);
    if (step.kind === 'replicated') {
      const part = partOf(step);
      const fetchShapes = fetches.map((_, index) => step.fetchShapes?.[index] ?? null);
      return {
        ...common,
        kind: 'replicated',
        plan: step,
        fetchSlots,
        artifact: files[0]!,
        answerTimes,
        task,
        substituteTasks,
        fetchShapes,
        learned: { notFinite: false },
        hold: part ? new BackupHold(holdsOf(part.fetch)) : null,
      };
    }
    if ((step.split === 'inputs') !== (step.pieces !== undefined))
      refuse(`step ${step.id} divides its ${step.split ?? 'weights'}, which does not fit its pieces`);
    if (step.seats.length !== required)
      refuse(`step ${step.id} has ${step.seats.length} seats for ${required} shards`);
    return {
      ...common,
      kind: 'coded',
      plan: step,
      fetchSlots,
      artifacts: files,
      answerTimes,
      task,
      substituteTasks,
      code: shardCodeOf(step),
      shapes: new ShapeMemory(),
      wait: new AdaptiveWait(),
    };
  }
}
