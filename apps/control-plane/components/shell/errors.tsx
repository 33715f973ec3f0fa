import { toast } from 'sonner';
import { toApiError } from '../live-connection/api-client.ts';
import { Notice } from '../ui/notice.tsx';

/** Shows an error where it happened: what happened, then what to do. Shows nothing without an error. */
export function ErrorNotice({ error, className }: { error: unknown; className?: string }) {
  if (error === null || error === undefined) return null;
  const { message, hint } = toApiError(error);
  return (
    <Notice tone="danger" title={message} {...(className === undefined ? {} : { className })}>
      {hint}
    </Notice>
  );
}

/** Shows an error that has no place on the page. @param prefix  says what failed: "local-3: " */
export function toastError(error: unknown, prefix = ''): void {
  const { message, hint } = toApiError(error);
  toast.error(`${prefix}${message}`, { description: hint });
}
