import type { ModelView } from '@sparewheel/protocol';
import type { PlanDrawing } from '../plan/plan-drawing.ts';
import type { LayerChoice } from '../plan/plan-form.ts';
import { Card } from '../ui/card.tsx';
import { cn } from '../ui/class-names.ts';
import { formatCount, formatDims, formatMagnitude } from '../ui/format.ts';
import { ScrollArea } from '../ui/scroll-area.tsx';
import { Segmented } from '../ui/segmented.tsx';

const RULES = [
  { value: 'auto', label: 'Auto' },
  { value: 'all', label: 'All codable' },
  { value: 'named', label: 'Custom' },
] as const;

/** All linear layers: their size, whether the plan distributes them, and why. */
export function LayerTable({
  model,
  layers,
  decisions,
  elsewhere,
  distributed,
  onRule,
  onToggle,
}: {
  model: ModelView;
  layers: LayerChoice;
  decisions: PlanDrawing['decisions'] | null;
  /** Where the layers are that the plan does not distribute. */
  elsewhere: string;
  distributed: ReadonlySet<string>;
  onRule: (layers: LayerChoice) => void;
  onToggle: (layer: string) => void;
}) {
  const codable = model.layers.filter((layer) => layer.codable).length;
  const named = typeof layers !== 'string';
  const chosen = new Set(named ? layers : distributed);
  return (
    <Card
      title="Layers"
      hint={`${codable} of ${model.layers.length} linear layers can be coded`}
      actions={
        <Segmented
          label="Which layers are distributed"
          value={named ? 'named' : (layers as 'auto' | 'all')}
          options={RULES}
          onChange={(rule) => onRule(rule === 'named' ? [...chosen] : rule)}
        />
      }
    >
      <ScrollArea label="Table of layers" className="max-h-[34rem] border-t">
        <table className="w-full text-[0.8125rem]">
          <caption className="sr-only">Linear layers of {model.name}</caption>
          <thead className="sticky top-0 z-10 bg-surface text-xs text-ink-faint">
            <tr>
              <th scope="col" className="py-2 pr-1 pl-4 text-left font-normal">
                <span className="sr-only">Distributed</span>
              </th>
              <th scope="col" className="px-2 py-2 text-left font-normal">
                Layer
              </th>
              <th scope="col" className="px-2 py-2 text-left font-normal max-md:hidden">
                Output
              </th>
              <th scope="col" className="px-2 py-2 text-right font-normal max-sm:hidden">
                Parameters
              </th>
              <th scope="col" className="px-2 py-2 text-right font-normal">
                Multiply-adds
              </th>
              <th scope="col" className="py-2 pr-4 pl-2 text-left font-normal">
                In this plan
              </th>
            </tr>
          </thead>
          <tbody>
            {model.layers.map((layer) => {
              const decision = decisions?.get(layer.name);
              const on = chosen.has(layer.name);
              return (
                <tr key={layer.name} data-testid={`layer-${layer.name}`} className="border-t align-top">
                  <td className="py-2 pr-1 pl-4">
                    <input
                      type="checkbox"
                      aria-label={`Distribute ${layer.name}`}
                      checked={on}
                      disabled={!layer.codable}
                      onChange={() => onToggle(layer.name)}
                      className="mt-0.5 size-4 accent-[var(--data)] disabled:opacity-40"
                    />
                  </td>
                  <th scope="row" className="max-w-36 px-2 py-2 text-left font-normal sm:max-w-64">
                    <span className="block truncate font-medium" title={layer.name}>
                      {layer.name}
                    </span>
                    <span className="text-xs text-ink-faint">{layer.op}</span>
                  </th>
                  <td className="px-2 py-2 whitespace-nowrap text-ink-soft max-md:hidden">
                    {formatDims(layer.outputDims)}
                  </td>
                  <td
                    className="px-2 py-2 text-right whitespace-nowrap max-sm:hidden"
                    title={formatCount(layer.parameters)}
                  >
                    {formatMagnitude(layer.parameters)}
                  </td>
                  <td
                    className="px-2 py-2 text-right whitespace-nowrap"
                    title={formatCount(layer.multiplyAdds)}
                  >
                    {formatMagnitude(layer.multiplyAdds)}
                  </td>
                  <td className="py-2 pr-4 pl-2">
                    <span
                      className={cn('font-medium', decision?.distributed ? 'text-data-ink' : 'text-ink-soft')}
                    >
                      {decision === undefined
                        ? layer.codable
                          ? 'codable'
                          : 'local'
                        : decision.distributed
                          ? 'distributed'
                          : elsewhere}
                    </span>
                    <span className="block text-xs text-ink-faint">
                      {layer.codable ? decision?.reason : (layer.reason ?? decision?.reason)}
                    </span>
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
        {model.layers.length === 0 && (
          <p className="px-4 py-6 text-ink-soft">
            This model has no linear layer, so nothing can be coded. The strategy “Replicated” still runs it
            on devices.
          </p>
        )}
      </ScrollArea>
    </Card>
  );
}
