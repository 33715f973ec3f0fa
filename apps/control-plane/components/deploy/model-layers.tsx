import type { ModelView } from '@sparewheel/protocol';
import { Check, Minus } from 'lucide-react';
import { formatDims, formatMagnitude } from '../ui/format.ts';
import { ScrollArea } from '../ui/scroll-area.tsx';

/** The linear layers of a model: which can be coded, and why the others cannot. */
export function ModelLayers({ model }: { model: ModelView }) {
  const codable = model.layers.filter((layer) => layer.codable).length;
  return (
    <div className="rounded-lg border">
      <p className="px-3 py-2 text-xs text-ink-soft">
        {codable} of {model.layers.length} linear layers can be coded · {formatMagnitude(model.parameters)}{' '}
        parameters · input {model.inputs.map((input) => formatDims(input.dims)).join(', ')}
      </p>
      <ScrollArea label={`Table of the layers of ${model.name}`} className="relative max-h-56 border-t">
        <table className="w-full text-[0.8125rem]">
          <caption className="sr-only">Linear layers of {model.name}</caption>
          <thead className="sticky top-0 bg-surface text-xs text-ink-faint">
            <tr>
              <th scope="col" className="px-3 py-1.5 text-left font-normal">
                Layer
              </th>
              <th scope="col" className="px-2 py-1.5 text-left font-normal max-sm:hidden">
                Output
              </th>
              <th scope="col" className="px-2 py-1.5 text-right font-normal">
                Multiply-adds
              </th>
              <th scope="col" className="px-3 py-1.5 text-left font-normal">
                Codable
              </th>
            </tr>
          </thead>
          <tbody>
            {model.layers.map((layer) => (
              <tr key={layer.name} className="border-t align-top">
                <td className="max-w-40 px-3 py-1.5">
                  <span className="block truncate font-medium" title={layer.name}>
                    {layer.name}
                  </span>
                  <span className="text-xs text-ink-faint">{layer.op}</span>
                </td>
                <td className="px-2 py-1.5 text-ink-soft max-sm:hidden">{formatDims(layer.outputDims)}</td>
                <td className="px-2 py-1.5 text-right whitespace-nowrap">
                  {formatMagnitude(layer.multiplyAdds)}
                </td>
                <td className="px-3 py-1.5">
                  {layer.codable ? (
                    <span className="flex items-center gap-1 text-ok-ink">
                      <Check aria-hidden className="size-3.5" /> yes
                    </span>
                  ) : (
                    <span className="flex gap-1 text-ink-soft">
                      <Minus aria-hidden className="mt-1 size-3.5 shrink-0" />
                      {layer.reason ?? 'stays on the data plane'}
                    </span>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </ScrollArea>
    </div>
  );
}
