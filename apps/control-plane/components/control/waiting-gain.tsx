import { formatMs } from '../../src/view-model/format.ts';
import { gainPercent, type WaitingRules } from '../../src/view-model/waiting-rules.ts';

/** What the chosen waiting rule gains by the arrivals of the last requests, beside what was measured. */
export function WaitingGain({ rules }: { rules: WaitingRules | null }) {
  if (rules === null) {
    return <p className="text-xs text-ink-faint">Under load, what each rule would gain stands here.</p>;
  }
  const rows = [
    ...(rules.chosen === null
      ? []
      : [{ key: 'chosen', label: 'this rule, predicted', ms: rules.chosen, strong: true }]),
    { key: 'measured', label: 'measured', ms: rules.measured, strong: true },
    { key: 'any-k', label: 'any k, predicted', ms: rules.anyK, strong: false },
    { key: 'all', label: 'all, predicted', ms: rules.all, strong: false },
  ];
  const gain = gainPercent(rules, rules.chosen ?? rules.measured);
  return (
    <div data-testid="waiting-gain" className="rounded-lg bg-raised px-3 py-2 text-xs">
      <p className="font-medium">
        {gain > 0
          ? `${gain} % faster than waiting for all`
          : gain < 0
            ? `${-gain} % slower than waiting for all`
            : 'As fast as waiting for all'}
      </p>
      <dl className="mt-1 grid grid-cols-[minmax(0,1fr)_auto] gap-x-4 text-ink-soft">
        {rows.map(({ key, label, ms, strong }) => (
          <div
            key={key}
            className={
              strong ? 'col-span-2 flex justify-between text-ink' : 'col-span-2 flex justify-between'
            }
          >
            <dt>{label}</dt>
            <dd>{formatMs(ms)}</dd>
          </div>
        ))}
      </dl>
      <p className="mt-1 text-ink-faint">
        Means of the last {rules.requests} requests, from when their answers came.
      </p>
    </div>
  );
}
