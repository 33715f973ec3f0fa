'use client';
import { FileUp } from 'lucide-react';
import { type DragEvent, useRef, useState } from 'react';
import { Button } from '../ui/button.tsx';
import { cn } from '../ui/class-names.ts';
import { formatPercent } from '../ui/format.ts';
import { Notice } from '../ui/notice.tsx';
import { Progress } from '../ui/progress.tsx';
import type { Upload } from './use-model-upload.ts';

/** Where an ONNX file is dropped or chosen, and how far its upload is. */
export function ModelDrop({ upload, onFile }: { upload: Upload; onFile: (file: File) => void }) {
  const [over, setOver] = useState(false);
  const chooser = useRef<HTMLInputElement>(null);

  function drop(event: DragEvent) {
    event.preventDefault();
    setOver(false);
    const [file] = event.dataTransfer.files;
    if (file) onFile(file);
  }

  return (
    <div className="flex flex-col gap-3">
      {/* biome-ignore lint/a11y/noStaticElementInteractions: dropping is for pointers; the button inside does the same */}
      <div
        data-testid="model-drop"
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={drop}
        className={cn(
          'relative grid min-h-32 place-items-center rounded-lg border border-dashed border-line-strong px-4 py-6 text-center transition-colors',
          over && 'border-solid border-data bg-data-wash',
        )}
      >
        {upload.state === 'sending' ? (
          <div className="w-full max-w-sm">
            <p className="truncate text-[0.8125rem]">
              {upload.file} · {upload.fraction < 1 ? formatPercent(upload.fraction, 0) : 'reading the model'}
            </p>
            <Progress label={`Upload of ${upload.file}`} value={upload.fraction} className="mt-2" />
            <Button size="small" variant="quiet" className="mt-2" onClick={upload.cancel}>
              Cancel the upload
            </Button>
          </div>
        ) : (
          <div className="flex flex-col items-center">
            <FileUp aria-hidden className="size-5 text-ink-faint" />
            <p className="mt-2 text-[0.8125rem]">
              Drop an <span className="font-medium">ONNX</span> file here, or
            </p>
            <Button className="mt-2" onClick={() => chooser.current?.click()}>
              Choose a file
            </Button>
            <input
              ref={chooser}
              type="file"
              accept=".onnx"
              aria-label="ONNX file"
              className="sr-only"
              tabIndex={-1}
              onChange={(event) => {
                const [file] = event.target.files ?? [];
                // The same file may be chosen again after it was mended.
                event.target.value = '';
                if (file) onFile(file);
              }}
            />
          </div>
        )}
      </div>
      {upload.state === 'refused' && (
        <Notice tone="danger" title={`${upload.file} was not taken: ${upload.error.message}`}>
          {upload.error.hint}
          {upload.again !== null && (
            <Button size="small" className="mt-2" onClick={upload.again}>
              Send it again
            </Button>
          )}
        </Notice>
      )}
    </div>
  );
}
