import { formatCount, formatPercent } from '../ui/format.ts';
import { ScrollArea } from '../ui/scroll-area.tsx';
import type { ArrivalsDrawing } from './arrivals-view.ts';

/** How often each device was late. The worst is first. */
export function StragglerTable({ stragglers }: { stragglers: ArrivalsDrawing['stragglers'] }) {
  return (
    <ScrollArea label="Stragglers" className="max-h-72 border-t">
      <table className="w-full text-[0.8125rem]">
        <caption className="sr-only">
          Stragglers: shares of the coded layers in which the device held a data shard
        </caption>
        <thead>
          <tr className="text-left text-xs text-ink-faint">
            <th scope="col" className="py-2 pr-2 pl-4 font-normal">
              Device
            </th>
            <th scope="col" className="px-2 py-2 font-normal">
              Missed the result
            </th>
            <th scope="col" className="px-2 py-2 font-normal">
              Answered last
            </th>
            <th scope="col" className="py-2 pr-4 pl-2 text-right font-normal @max-md:hidden">
              Layers
            </th>
          </tr>
        </thead>
        <tbody>
          {stragglers.map(({ id, name, notInShare, lastShare, arrivals }) => (
            <tr key={id} className="border-t">
              <th
                scope="row"
                className="max-w-32 truncate py-1.5 pr-2 pl-4 text-left font-medium"
                title={name}
              >
                {name}
              </th>
              <td className="w-2/5 px-2 py-1.5" data-testid={`not-in-${name}`}>
                <Share of={notInShare} color="var(--parity)" />
              </td>
              <td className="w-2/5 px-2 py-1.5" data-testid={`last-${name}`}>
                <Share of={lastShare} color="var(--data)" />
              </td>
              <td className="py-1.5 pr-4 pl-2 text-right text-ink-soft @max-md:hidden">
                {formatCount(arrivals.dataSteps)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </ScrollArea>
  );
}

function Share({ of, color }: { of: number; color: string }) {
  return (
    <span className="grid grid-cols-[minmax(0,1fr)_3.25rem] items-center gap-2">
      <span aria-hidden className="h-2 overflow-hidden rounded-full bg-raised">
        <span className="block h-full rounded-full" style={{ width: `${of * 100}%`, background: color }} />
      </span>
      <span className="text-right whitespace-nowrap">{formatPercent(of)}</span>
    </span>
  );
}
