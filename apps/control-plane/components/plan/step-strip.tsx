import { cn } from '../ui/class-names.ts';
import { bytesColumn, formatIn, formatMagnitude, msColumn } from '../ui/format.ts';
import { ScrollArea } from '../ui/scroll-area.tsx';
import { type DrawnStep, describeStep, type PlanDrawing } from './plan-drawing.ts';

const KINDS: Record<DrawnStep['kind'], { label: string; stripe: string }> = {
  coded: { label: 'Coded', stripe: 'border-b-4 border-parity bg-data' },
  uncoded: { label: 'Uncoded', stripe: 'bg-data' },
  replicated: { label: 'Replicated', stripe: 'bg-data' },
  local: { label: 'Local', stripe: 'bg-idle' },
};
const KIND_ORDER = ['coded', 'uncoded', 'replicated', 'local'] as const;

/** The steps in order. Their widths show their share of a request. A list below has the details. */
export function StepStrip({ drawing }: { drawing: PlanDrawing }) {
  const { steps, drawnTo } = drawing;
  return (
    <section aria-label="Steps">
      <div className="mb-1.5 flex flex-wrap items-baseline justify-between gap-x-4 gap-y-1 text-xs">
        <h3 className="font-medium text-ink-soft">
          Steps {drawnTo !== 'steps' && <span className="font-normal text-ink-faint">width: {drawnTo}</span>}
        </h3>
        <ul aria-label="Kinds of steps" className="flex gap-3 text-ink-faint">
          {KIND_ORDER.filter((kind) => steps.some((step) => step.kind === kind)).map((kind) => (
            <li key={kind} className="flex items-center gap-1.5">
              <span aria-hidden className={cn('size-2.5 rounded-[3px]', KINDS[kind].stripe)} />
              {KINDS[kind].label}
            </li>
          ))}
        </ul>
      </div>
      <div data-testid="plan-steps" aria-hidden className="flex h-8 w-full gap-px overflow-hidden rounded-md">
        {steps.map((step) => (
          <div
            key={step.id}
            data-kind={step.kind}
            title={describeStep(step)}
            className={cn('min-w-px basis-0', KINDS[step.kind].stripe)}
            style={{ flexGrow: step.share }}
          />
        ))}
      </div>
      <details className="mt-2">
        <summary className="w-fit rounded text-xs font-medium text-ink-soft hover:text-ink">
          {steps.length === 1 ? 'List the step' : `List the ${steps.length} steps`}
        </summary>
        <StepList drawing={drawing} />
      </details>
    </section>
  );
}

function StepList({ drawing: { steps, predictedMs } }: { drawing: PlanDrawing }) {
  const times = msColumn(steps.map((step) => step.predictedMs));
  const traffic = bytesColumn(steps.map(({ bytes }) => bytes));
  return (
    <ScrollArea label="List of steps" className="mt-2 max-h-72 rounded-lg border">
      <table className="w-full text-[0.8125rem]">
        <caption className="sr-only">Steps of the plan</caption>
        <thead className="sticky top-0 bg-surface text-xs text-ink-faint">
          <tr>
            <th scope="col" className="px-3 py-1.5 text-left font-normal">
              Step
            </th>
            <th scope="col" className="px-2 py-1.5 text-left font-normal">
              Where
            </th>
            <th scope="col" className="px-2 py-1.5 text-right font-normal max-sm:hidden">
              Multiply-adds
            </th>
            {predictedMs !== null && (
              <>
                <th scope="col" className="px-2 py-1.5 text-right font-normal max-sm:hidden">
                  Traffic
                </th>
                <th scope="col" className="px-3 py-1.5 text-right font-normal">
                  Predicted
                </th>
              </>
            )}
          </tr>
        </thead>
        <tbody>
          {steps.map((step) => (
            <tr key={step.id} className="border-t align-top">
              <td className="px-3 py-1.5">
                <span
                  aria-hidden
                  className={cn('mr-2 inline-block size-2.5 rounded-[3px]', KINDS[step.kind].stripe)}
                />
                <span className="font-medium break-words">{step.title}</span>
              </td>
              <td className="px-2 py-1.5 text-ink-soft">
                {KINDS[step.kind].label.toLowerCase()}, {step.where}
              </td>
              <td className="px-2 py-1.5 text-right whitespace-nowrap max-sm:hidden">
                {step.multiplyAdds === null ? '' : formatMagnitude(step.multiplyAdds)}
              </td>
              {predictedMs !== null && (
                <>
                  <td className="px-2 py-1.5 text-right whitespace-nowrap max-sm:hidden">
                    {step.bytes === null || step.bytes === 0 ? '' : formatIn(traffic, step.bytes)}
                  </td>
                  <td className="px-3 py-1.5 text-right whitespace-nowrap">
                    {formatIn(times, step.predictedMs)}
                  </td>
                </>
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </ScrollArea>
  );
}
