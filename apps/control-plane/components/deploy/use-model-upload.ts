'use client';
import type { ApiError, ModelView } from '@sparewheel/protocol';
import { useRef, useState } from 'react';
import { toApiError } from '../live-connection/api-client.ts';
import { freeName, nameFromFile } from './deploy-form-view.ts';
import { uploadModel } from './upload-model.ts';

export type Upload =
  | { readonly state: 'idle' }
  | { readonly state: 'sending'; readonly file: string; readonly fraction: number; cancel(): void }
  | {
      readonly state: 'refused';
      readonly file: string;
      readonly error: ApiError;
      /** Sends the same file anew; null where that would be refused anew. */
      readonly again: (() => void) | null;
    };

/** Sends a dropped file and hands over what the server read in it. */
export function useModelUpload(taken: readonly string[], onDone: (model: ModelView) => void) {
  const [upload, setUpload] = useState<Upload>({ state: 'idle' });
  const current = useRef<AbortController>(undefined);

  async function send(file: File, dimensions = ''): Promise<void> {
    current.current?.abort();
    const abort = new AbortController();
    current.current = abort;
    const sending = (fraction: number) =>
      current.current === abort &&
      setUpload({ state: 'sending', file: file.name, fraction, cancel: () => abort.abort() });
    sending(0);
    try {
      const name = freeName(nameFromFile(file.name), taken);
      const model = await uploadModel(file, name, dimensions, sending, abort.signal);
      if (current.current !== abort) return;
      setUpload({ state: 'idle' });
      onDone(model);
    } catch (error) {
      if (current.current !== abort) return;
      if (error instanceof DOMException) setUpload({ state: 'idle' });
      else {
        const refusal = toApiError(error);
        const again = refusal.status === 0 ? () => void send(file, dimensions) : null;
        setUpload({ state: 'refused', file: file.name, error: refusal, again });
      }
    }
  }

  return { upload, send };
}
