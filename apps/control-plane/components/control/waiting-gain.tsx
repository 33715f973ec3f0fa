import { paperGainPercent } from '@sparewheel/protocol';
import { formatMs, formatPercent } from '../ui/format.ts';
import {
  type AdaptivePrediction,
  gainPercent,
  isPrediction,
  type NoPrediction,
  type WaitingRules,
} from './waiting-rules.ts';

/**
 * What the chosen waiting rule gains over waiting for all data shards: predicted from the arrivals of the last requests,
 * measured, and in the paper.
 */
export function WaitingGain({
  rules,
  measured,
  idle,
  loading,
  k,
  adaptive,
}: {
  /** From all requests since the last change that affects arrivals. */
  rules: WaitingRules | NoPrediction;
  /** From the requests that ran under the chosen rule. */
  measured: WaitingRules | NoPrediction;
  /** No request came for a while. */
  idle: boolean;
  /** A load runs. */
  loading: boolean;
  k: number;
  /** For the adaptive rule; null for the others. */
  adaptive: AdaptivePrediction | null;
}) {
  if (idle || !isPrediction(rules)) {
    return (
      <div className="rounded-lg bg-raised px-3 py-2 text-xs">
        <Gains predicted={null} measured={null} k={k} />
        <p className="mt-1 text-ink-soft" data-testid="no-prediction">
          Cannot be predicted now: {noPredictionReason(rules, idle, loading)}
        </p>
      </div>
    );
  }
  const chosen = rules.chosen ?? (adaptive === null ? null : rules.anyK + adaptive.costMs);
  const gained = isPrediction(measured) ? gainPercent(measured, measured.measured) : null;
  const rows = [
    ...(chosen === null ? [] : [{ key: 'chosen', label: 'This rule, predicted', ms: chosen, strong: true }]),
    ...(isPrediction(measured)
      ? [{ key: 'measured', label: 'This rule, measured', ms: measured.measured, strong: true }]
      : []),
    { key: 'any-k', label: 'Any k, predicted', ms: rules.anyK, strong: false },
    { key: 'all', label: 'All, predicted', ms: rules.all, strong: false },
  ];
  return (
    <div data-testid="waiting-gain" className="rounded-lg bg-raised px-3 py-2 text-xs">
      <Gains predicted={chosen === null ? null : gainPercent(rules, chosen)} measured={gained} k={k} />
      <table className="mt-2 w-full">
        <caption className="sr-only">Gain of the waiting rules</caption>
        <thead>
          <tr className="text-left text-ink-faint">
            <th scope="col" className="font-normal">
              Rule
            </th>
            <th scope="col" className="text-right font-normal">
              Mean
            </th>
            <th scope="col" className="text-right font-normal">
              Gain over “all”
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ key, label, ms, strong }) => (
            <tr key={key} className={strong ? 'text-ink' : 'text-ink-soft'}>
              <th scope="row" className={strong ? 'text-left font-medium' : 'text-left font-normal'}>
                {label}
              </th>
              <td className="text-right whitespace-nowrap">{formatMs(ms)}</td>
              <td className="text-right whitespace-nowrap" data-testid={`gain-${key}`}>
                {key === 'all' ? '–' : `${key === 'measured' ? gained : gainPercent(rules, ms)} %`}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {adaptive !== null && (
        <p className="mt-1 text-ink-soft" data-testid="adaptive-prediction">
          Learned: waits up to {adaptive.thresholdsMs.map((each) => formatMs(each)).join(', ')} by layer;{' '}
          {decodedText(formatPercent(adaptive.recoveredShare), formatPercent(adaptive.anyKRecoveredShare))}
        </p>
      )}
      <p className="mt-1 text-ink-faint">
        Means of {rules.requests} requests since the last change, from the arrival times of their answers.
        {gained === null && ' Nothing is measured yet under this rule.'}
        {rules.requests < FEW_REQUESTS && ' So few requests give only a first estimate.'}
        {rules.leftOut > 0 &&
          ` Left out: ${rules.leftOut} ${rules.leftOut === 1 ? 'request that lacks' : 'requests that lack'} an answer.`}
      </p>
    </div>
  );
}

/** Means of fewer requests change much with each further request. */
const FEW_REQUESTS = 30;

function decodedText(share: string, anyKShare: string): string {
  return share === anyKShare
    ? `${share} of layers are decoded, as with “any k”.`
    : `${share} of layers are decoded, instead of ${anyKShare} with “any k”.`;
}

/** The three gains side by side. null is unknown. */
function Gains({ predicted, measured, k }: { predicted: number | null; measured: number | null; k: number }) {
  const paper = paperGainPercent(k);
  const gains = [
    { key: 'predicted', label: 'Predicted', percent: predicted },
    { key: 'measured', label: 'Measured', percent: measured },
    { key: 'paper', label: 'Paper', percent: paper },
  ];
  return (
    <>
      <dl className="grid grid-cols-3 gap-2" aria-label="Gain over waiting for all data shards">
        {gains.map(({ key, label, percent }) => (
          <div key={key}>
            <dt className="text-ink-soft">{label}</dt>
            <dd className="text-lg leading-6 font-semibold" data-testid={`${key}-gain`}>
              {percent === null ? '–' : `${percent} %`}
            </dd>
          </div>
        ))}
      </dl>
      <p className="mt-1 text-ink-soft">
        Gain over “all”.{' '}
        {paper === null
          ? `The paper has no value for ${k} data devices (Fig. 16: 3 to 6).`
          : `Paper: Fig. 16, ${k} devices, Raspberry Pi 3 over WiFi.`}
      </p>
    </>
  );
}

function noPredictionReason(
  { requests, leftOut }: NoPrediction | WaitingRules,
  idle: boolean,
  loading: boolean,
): string {
  if (idle)
    return `no ${loading ? 'answers' : 'requests'} in the last 10 seconds.${loading ? '' : ' Start a load.'}`;
  if (leftOut === 0) {
    return loading
      ? 'too few answers since the last change. More come with the load.'
      : 'too few requests since the last change. Start a load.';
  }
  return `${leftOut} of the last ${requests + leftOut} requests lack an answer. A device is dead, too slow or over its cap.`;
}
