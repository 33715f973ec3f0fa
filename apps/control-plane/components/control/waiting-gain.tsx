import { formatMs, formatPercent } from '../ui/format.ts';
import {
  type AdaptivePrediction,
  gainPercent,
  isPrediction,
  type NoPrediction,
  type WaitingRules,
} from './waiting-rules.ts';

/** What the chosen waiting rule gains, predicted from the arrivals of the last requests, next to the measured time. */
export function WaitingGain({
  rules,
  adaptive,
}: {
  rules: WaitingRules | NoPrediction;
  /** For the adaptive rule; null for the others. */
  adaptive: AdaptivePrediction | null;
}) {
  if (!isPrediction(rules)) {
    return (
      <p className="text-xs text-ink-faint" data-testid="no-prediction">
        {rules.leftOut === 0
          ? 'Start a load to compare the waiting rules.'
          : `No prediction: ${rules.leftOut} of the last ${rules.requests + rules.leftOut} requests lack an answer. A device is dead, too slow or over its cap.`}
      </p>
    );
  }
  const chosen = rules.chosen ?? (adaptive === null ? null : rules.anyK + adaptive.costMs);
  const rows = [
    ...(chosen === null ? [] : [{ key: 'chosen', label: 'This rule, predicted', ms: chosen, strong: true }]),
    { key: 'measured', label: 'Measured', ms: rules.measured, strong: true },
    { key: 'any-k', label: 'Any k, predicted', ms: rules.anyK, strong: false },
    { key: 'all', label: 'All, predicted', ms: rules.all, strong: false },
  ];
  return (
    <div data-testid="waiting-gain" className="rounded-lg bg-raised px-3 py-2 text-xs">
      <table className="w-full">
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
                {key === 'all' ? '–' : `${gainPercent(rules, ms)} %`}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {adaptive !== null && (
        <p className="mt-1 text-ink-soft" data-testid="adaptive-prediction">
          Learned: waits up to {adaptive.thresholdsMs.map((each) => formatMs(each)).join(', ')} by layer;{' '}
          {formatPercent(adaptive.recoveredShare)} of layers are decoded, instead of{' '}
          {formatPercent(adaptive.anyKRecoveredShare)} with “any k”.
        </p>
      )}
      <p className="mt-1 text-ink-faint">
        Means of the last {rules.requests} requests, from the arrival times of their answers.
        {rules.leftOut > 0 && ` Without ${rules.leftOut} requests that lack an answer.`}
      </p>
    </div>
  );
}
