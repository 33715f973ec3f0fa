import type { DeviceView, WrongAnswerView } from '@sparewheel/protocol';

export interface WrongAnswerLine {
  readonly request: number;
  readonly at: string;
  readonly given: boolean;
  /** "Request 4711: the caller got a wrong answer." */
  readonly what: string;
  /** "From local-3, quarantined." */
  readonly from: string;
}

/** Says for each wrong answer what it caused, and what happened to its device. */
export function wrongAnswerLines(
  answers: readonly WrongAnswerView[],
  devices: readonly Pick<DeviceView, 'id' | 'name' | 'state'>[],
): WrongAnswerLine[] {
  const known = new Map(devices.map((device) => [device.id, device]));
  return answers.map(({ at, request, given, devices: ids }) => ({
    request,
    at,
    given,
    what: given
      ? `Request ${request}: the caller got a wrong answer.`
      : `Request ${request}: found in time, the caller got a right answer.`,
    from: ids.length === 0 ? 'Its device was not identified.' : `From ${ids.map(describe).join(', ')}.`,
  }));

  function describe(id: string): string {
    const device = known.get(id);
    if (device === undefined) return `${id.slice(0, 8)}, forgotten`;
    return `${device.name}, ${device.state === 'quarantined' ? 'quarantined' : 'not quarantined'}`;
  }
}
