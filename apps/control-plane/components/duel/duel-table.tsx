import { cn } from '../ui/class-names.ts';
import type { DuelRow } from './duel-view.ts';

/** The numbers of both lanes, side by side. */
export function DuelTable({ rows }: { rows: readonly DuelRow[] }) {
  return (
    <table className="mt-1 w-full text-[0.8125rem] leading-5">
      <caption className="sr-only">Latency and losses, coded and uncoded</caption>
      <thead>
        <tr className="text-xs text-ink-faint">
          <td className="pl-4" />
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
