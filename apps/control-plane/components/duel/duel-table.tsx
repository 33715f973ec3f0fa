import { useTimeOfDay } from '../latency/use-time-of-day.ts';
import { cn } from '../ui/class-names.ts';
import type { DuelRow } from './duel-view.ts';

/** The numbers of both lanes, side by side. @param since  when they began to count, in ms since 1970; null without any */
export function DuelTable({ rows, since }: { rows: readonly DuelRow[]; since: number | null }) {
  const timeOf = useTimeOfDay();
  return (
    <table className="mt-1 w-full text-[0.8125rem] leading-5">
      <caption className="sr-only">Latency and losses, coded and uncoded</caption>
      <thead>
        <tr className="text-xs text-ink-faint">
          <td className="pl-4" title="The last fault, or the last change of the list of deployments">
            {since !== null && `since ${timeOf(new Date(since).toISOString())}`}
          </td>
          <th scope="col" className="py-0.5 text-right font-normal">
            Coded
          </th>
          <th scope="col" className="py-0.5 pr-4 text-right font-normal">
            Uncoded
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row.key} className="border-t">
            <th scope="row" className="py-0.5 pl-4 text-left font-medium">
              {row.label}
            </th>
            <td
              data-testid={`duel-coded-${row.key}`}
              className={cn('py-0.5 text-right', row.codedBad && 'font-semibold text-danger-ink')}
            >
              {row.coded}
            </td>
            <td
              data-testid={`duel-uncoded-${row.key}`}
              className={cn('py-0.5 pr-4 text-right', row.uncodedBad && 'font-semibold text-danger-ink')}
            >
              {row.uncoded}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
