import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';

/** Why Node's HTTP parser rejected a request. */
export interface ClientFailure {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

/**
 * Answers a request that Node's HTTP parser rejects (the server's event `clientError`), and closes its connection. Without
 * it, these errors have another form than the server's own ones.
 * @param bodyOf  returns the response's JSON body
 */
export function answerClientError(
  error: NodeJS.ErrnoException,
  socket: Duplex,
  bodyOf: (failure: ClientFailure) => object,
): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const failure = failureOf(error);
  const body = JSON.stringify(bodyOf(failure));
  socket.end(
    `HTTP/1.1 ${failure.status} ${STATUS_CODES[failure.status]}\r\n` +
      'Content-Type: application/json; charset=utf-8\r\n' +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}

function failureOf({ code, message }: NodeJS.ErrnoException): ClientFailure {
  switch (code) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return { status: 408, code: 'request-timeout', message: 'The request did not arrive in time.' };
    case 'HPE_HEADER_OVERFLOW':
      return { status: 431, code: 'headers-too-large', message: 'The headers of the request are too large.' };
    default:
      return { status: 400, code: 'invalid-http', message: `The request is not valid HTTP: ${message}.` };
  }
}
