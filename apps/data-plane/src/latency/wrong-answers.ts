import type { CoordinatorEvent } from '@sparewheel/coordinator';
import type { WrongAnswerView } from '@sparewheel/protocol';

const KEPT = 20;

/** The newest wrong answers of devices, one entry per request. */
export class WrongAnswers {
  /** Newest first. Replaced, never mutated. */
  list: readonly WrongAnswerView[] = [];

  /** Adds a report. Several steps of one request can be wrong. */
  add(
    { request, step, faultyDevices, answeredWrong }: Extract<CoordinatorEvent, { kind: 'corruption' }>,
    nowMs: number,
  ): void {
    const known = this.list.find((each) => each.request === request);
    const merged: WrongAnswerView = {
      at: known?.at ?? new Date(nowMs).toISOString(),
      request,
      steps: [...new Set([...(known?.steps ?? []), step])],
      devices: [...new Set([...(known?.devices ?? []), ...faultyDevices])],
      given: answeredWrong || known?.given === true,
    };
    this.list = known
      ? this.list.map((each) => (each === known ? merged : each))
      : [merged, ...this.list].slice(0, KEPT);
  }
}
