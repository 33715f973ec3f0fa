'use client';
import { FileUp } from 'lucide-react';
import { type DragEvent, useRef, useState } from 'react';
import { toApiError } from '../live-connection/api-client.ts';
import { Button } from '../ui/button.tsx';
import { cn } from '../ui/class-names.ts';
import { formatPercent } from '../ui/format.ts';
import { Notice } from '../ui/notice.tsx';
import { Progress } from '../ui/progress.tsx';
import { UPLOAD_FILES } from './deploy-form-view.ts';
import type { ModelUpload } from './use-model-upload.ts';

/** Takes the files of a model by drag and drop or by a file dialog, and shows the progress of their upload. */
export function ModelDrop({ upload, dimensions = '' }: { upload: ModelUpload; dimensions?: string }) {
  const [over, setOver] = useState(false);

  function drop(event: DragEvent) {
    event.preventDefault();
    setOver(false);
    upload.send([...event.dataTransfer.files], dimensions);
  }

  return (
    <div className="flex flex-col gap-3">
      {/* biome-ignore lint/a11y/noStaticElementInteractions: the button inside does the same by keyboard */}
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
        {upload.fraction === null ? (
          <ChooseFiles onFiles={(files) => upload.send(files, dimensions)} />
        ) : (
          <div className="w-full max-w-sm min-w-0">
            <p className="flex justify-center gap-1 text-[0.8125rem]">
              <span className="truncate">{upload.file}</span>
              <span className="whitespace-nowrap">
                · {upload.fraction < 1 ? formatPercent(upload.fraction, 0) : 'reading the model'}
              </span>
            </p>
            <Progress label={`Upload of ${upload.file}`} value={upload.fraction} className="mt-2" />
            <Button size="small" variant="quiet" className="mt-2" onClick={upload.cancel}>
              Cancel the upload
            </Button>
          </div>
        )}
      </div>
      {upload.error !== null && <Rejection upload={upload} error={upload.error} />}
    </div>
  );
}

function ChooseFiles({ onFiles }: { onFiles: (files: readonly File[]) => void }) {
  const chooser = useRef<HTMLInputElement>(null);
  return (
    <div className="flex flex-col items-center">
      <FileUp aria-hidden className="size-5 text-ink-faint" />
      <p className="mt-2 text-[0.8125rem]">
        Drop an <span className="font-medium">ONNX</span> file here, or a{' '}
        <span className="font-medium">TensorFlow.js</span> model
      </p>
      <p className="mt-1 text-xs text-ink-faint">
        One zip, or model.json together with its weight files. Teachable Machine exports such a zip.
      </p>
      <Button className="mt-2" onClick={() => chooser.current?.click()}>
        Choose files
      </Button>
      <input
        ref={chooser}
        type="file"
        multiple
        accept={UPLOAD_FILES}
        aria-label="Model files"
        className="sr-only"
        tabIndex={-1}
        onChange={(event) => {
          const files = [...(event.target.files ?? [])];
          // So that the same files can be chosen again after a change.
          event.target.value = '';
          onFiles(files);
        }}
      />
    </div>
  );
}

function Rejection({ upload, error }: { upload: ModelUpload; error: Error }) {
  const { message, hint, status } = toApiError(error);
  return (
    <Notice tone="danger" title={`${upload.file} was not added: ${message}`}>
      {hint}
      {/* The server would reject the same file again. */}
      {status === 0 && (
        <Button size="small" className="mt-2 block" onClick={upload.again}>
          Send it again
        </Button>
      )}
    </Notice>
  );
}
