import { bytesColumn, formatIn, msColumn } from '../ui/format.ts';
import type { PlanDrawing } from './plan-drawing.ts';

/** What a plan does, before it is deployed: where it runs, what it survives, and how fast it is. */
export interface PlanOutlook {
  /** "Runs whole on the data plane: distributed it would be 3.0 × slower." */
  readonly headline: string;
  /** Which devices have a part, and what else runs where. */
  readonly where: string;
  /** What happens when devices fail. */
  readonly survives: string;
  /** The plan beside the two ways to run the undivided model. Empty without a prediction. */
  readonly rows: readonly { readonly label: string; readonly ms: string; readonly traffic: string }[];
}

/** @param nameOf  the name of a device by id */
export function planOutlook(drawing: PlanDrawing, nameOf: (device: string) => string): PlanOutlook {
  return {
    headline: headlineOf(drawing),
    where: whereOf(drawing, nameOf),
    survives: survivesOf(drawing),
    rows: rowsOf(drawing),
  };
}

function headlineOf({ runsWhole, seats, decisions }: PlanDrawing): string {
  if (runsWhole !== null) return `${runsWhole}.`;
  if (seats.length === 0) return 'Runs whole on the data plane.';
  const distributed = [...decisions.values()].filter((each) => each.distributed).length;
  if (distributed === 0) return `Runs in stages on ${count(seats.length, 'device')}.`;
  return `Distributes ${distributed} of ${count(decisions.size, 'linear layer')} over ${count(seats.length, 'device')}.`;
}

function whereOf({ seats, steps }: PlanDrawing, nameOf: (device: string) => string): string {
  if (seats.length === 0)
    return 'The data plane runs every layer. No device has a part, so k and r are not used.';
  const named = seats.flatMap(({ device, role }) => (device === null ? [] : [`${nameOf(device)} (${role})`]));
  const devices =
    named.length === seats.length ? named.join(', ') : `Any ${count(seats.length, 'device')} that fit`;
  return `${devices}${steps.some(({ kind }) => kind === 'local') ? '; the data plane runs the rest' : ''}.`;
}

function survivesOf({ seats, coverage, steps }: PlanDrawing): string {
  if (seats.length === 0) return 'The failure of a device changes nothing.';
  const parity = seats.filter(({ role }) => role === 'parity').length;
  const data = seats.filter(({ role }) => role === 'data').length;
  const divided = steps.every(({ kind }) => kind === 'coded' || kind === 'local');
  if (divided && parity > 0 && data + parity === seats.length) {
    const cost = Math.round((parity / data) * 100);
    return `Survives any ${parity} of ${seats.length} devices for ${cost} % more hardware.`;
  }
  if (coverage === 1) return 'Survives the failure of any one device.';
  if (coverage === 0) return `Survives no failure: all ${seats.length} devices are needed.`;
  return `Survives the failure of one device in ${Math.round((coverage ?? 0) * 100)} % of the cases.`;
}

function rowsOf({ predictions }: PlanDrawing): PlanOutlook['rows'] {
  if (predictions === null) return [];
  const rows = [
    { label: 'This plan', prediction: predictions.plan },
    { label: 'One device alone', prediction: predictions.device },
    { label: 'Data plane alone', prediction: predictions.dataPlane },
  ];
  const bytesOf = (megabytes: number | undefined) => (megabytes === undefined ? null : 1e6 * megabytes);
  const ms = msColumn(rows.map(({ prediction }) => prediction?.ms ?? null));
  const bytes = bytesColumn(rows.map(({ prediction }) => bytesOf(prediction?.megabytes)));
  return rows.map(({ label, prediction }) =>
    prediction === null
      ? { label, ms: 'too little memory', traffic: '–' }
      : { label, ms: formatIn(ms, prediction.ms), traffic: formatIn(bytes, bytesOf(prediction.megabytes)) },
  );
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}
