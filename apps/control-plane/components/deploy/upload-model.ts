import type { ModelView } from '@sparewheel/protocol';
import { ApiError } from '@sparewheel/protocol';
import { readApiError } from '../live-connection/api-client.ts';

/**
 * Sends an ONNX file to the control plane. XMLHttpRequest, because fetch does not say how far an upload is.
 * @param onProgress  0 to 1 of the bytes that have left
 * @param dimensions  sizes for symbolic dimensions, "batch:1,seq:16"; "" where there are none
 * @throws {ApiError} refused, or the connection broke: nothing is left behind on the server
 */
export function uploadModel(
  file: Blob,
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
          'The upload broke off.',
          'Nothing was kept. Send it again when the connection is back.',
        ),
      );
    request.onabort = () => reject(new DOMException('The upload was cancelled.', 'AbortError'));
    signal.addEventListener('abort', () => request.abort());
    request.send(file);
  });
}
