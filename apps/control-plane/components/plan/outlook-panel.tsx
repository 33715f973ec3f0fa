import { cn } from '../ui/class-names.ts';
import type { PlanOutlook } from './plan-outlook.ts';

/** What a plan does, in three sentences and a table of predicted times. */
export function OutlookPanel({
  outlook: { headline, where, survives, rows },
  measured,
  stale,
}: {
  outlook: PlanOutlook;
  /** Whether the prediction is based on measurements of the devices. */
  measured: boolean;
  /** The shown plan does not match the choices (yet). */
  stale: boolean;
}) {
  return (
    <div
      data-testid="plan-outlook"
      aria-busy={stale}
      className={cn(
        'grid gap-x-6 gap-y-2 rounded-lg border px-3 py-2.5 text-[0.8125rem] leading-5 @xl:grid-cols-[minmax(0,1fr)_auto]',
        stale && 'opacity-50',
      )}
    >
      <div className="min-w-0">
        <p className="font-medium">{headline}</p>
        <p className="text-ink-soft">{where}</p>
        <p className="text-ink-soft">{survives}</p>
      </div>
      {rows.length > 0 && (
        <table className="self-start text-xs leading-5">
          <caption className="sr-only">Predicted time and traffic of one request</caption>
          <thead className="text-ink-faint">
            <tr>
              <th scope="col" className="text-left font-normal">
                Predicted{measured ? '' : ' from defaults'}
              </th>
              <th scope="col" className="pl-4 text-right font-normal">
                Time
              </th>
              <th scope="col" className="pl-4 text-right font-normal">
                Traffic
              </th>
            </tr>
          </thead>
          <tbody>
            {rows.map(({ label, ms, traffic }, index) => (
              <tr key={label} className={index === 0 ? 'font-medium' : 'text-ink-soft'}>
                <th scope="row" className="text-left font-[inherit]">
                  {label}
                </th>
                <td className="pl-4 text-right whitespace-nowrap">{ms}</td>
                <td className="pl-4 text-right whitespace-nowrap">{traffic}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </div>
  );
}
