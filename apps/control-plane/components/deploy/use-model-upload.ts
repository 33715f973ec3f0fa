'use client';
import { ApiError, type ModelView } from '@sparewheel/protocol';
import { useMutation } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { readApiError } from '../live-connection/api-client.ts';
import { freeName, mainFile, nameFromFile } from './deploy-form-view.ts';
import { tarOfFiles } from './tar-of-files.ts';

export interface ModelUpload {
  /** The name of the last upload's model file; null before the first one and after a cancellation. */
  readonly file: string | null;
  /** Share of the bytes that were sent, 0 to 1; null while nothing is being sent. */
  readonly fraction: number | null;
  readonly error: Error | null;
  /**
   * Sends the files of one model. Several files are sent as one archive.
   * @param dimensions  sizes of symbolic dimensions, "batch:1,seq:16"; "" without any
   */
  send(files: readonly File[], dimensions?: string): void;
  /** Sends the last files again. */
  again(): void;
  cancel(): void;
}

/** Uploads one model at a time. A new upload replaces a running one. @param taken  names of existing models */
export function useModelUpload(
  taken: readonly string[],
  onUploaded: (model: ModelView) => void,
): ModelUpload {
  const [fraction, setFraction] = useState(0);
  const running = useRef<AbortController>(undefined);
  const upload = useMutation({
    mutationFn: ({ files, dimensions }: { files: readonly File[]; dimensions: string }) => {
      running.current?.abort();
      running.current = new AbortController();
      setFraction(0);
      const name = freeName(nameFromFile(mainFile(files)?.name ?? ''), taken);
      const body = files.length === 1 ? files[0]! : tarOfFiles(files);
      return uploadModel(body, name, dimensions, setFraction, running.current.signal);
    },
    onSuccess: onUploaded,
  });
  return {
    file: mainFile(upload.variables?.files ?? [])?.name ?? null,
    fraction: upload.isPending ? fraction : null,
    error: upload.error,
    send: (files, dimensions = '') => {
      if (files.length > 0) upload.mutate({ files, dimensions });
    },
    again: () => upload.variables && upload.mutate(upload.variables),
    cancel: () => {
      running.current?.abort();
      upload.reset();
    },
  };
}

/**
 * Sends a model to the control plane. Uses XMLHttpRequest because fetch does not report upload progress.
 * @param onProgress  receives the share of the bytes that were sent, 0 to 1
 * @throws {ApiError} the server rejected the file, or the connection broke; the server then keeps nothing
 */
function uploadModel(
  body: Blob,
  name: string,
  dimensions: string,
  onProgress: (fraction: number) => void,
  signal: AbortSignal,
): Promise<ModelView> {
  const query = new URLSearchParams(dimensions === '' ? { name } : { name, dims: dimensions });
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('POST', `/api/models?${query}`);
    request.setRequestHeader('content-type', 'application/octet-stream');
    request.upload.onprogress = (event) => onProgress(event.total === 0 ? 0 : event.loaded / event.total);
    request.onload = () => {
      if (request.status < 400) resolve(JSON.parse(request.responseText) as ModelView);
      else reject(readApiError(request.responseText, request.status));
    };
    request.onerror = () =>
      reject(
        new ApiError(
          0,
          'upload-broken',
          'The upload was interrupted.',
          'Nothing was kept. Send it again when the connection is back.',
        ),
      );
    request.onabort = () => reject(new DOMException('The upload was canceled.', 'AbortError'));
    signal.addEventListener('abort', () => request.abort());
    request.send(body);
  });
}
