import { toast } from 'sonner';
import { toApiError } from '../live-connection/api-client.ts';
import { Button } from '../ui/button.tsx';
import { Notice } from '../ui/notice.tsx';

/** Shows an error where it happened: what happened, then what to do. Shows nothing without an error. */
export function ErrorNotice({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  if (error === null || error === undefined) return null;
  const { message, hint } = toApiError(error);
  return (
    <Notice tone="danger" title={message}>
      {hint}
      {onRetry && (
        <Button size="small" className="mt-2 block" onClick={onRetry}>
          Try again
        </Button>
      )}
    </Notice>
  );
}

/** Shows an error that has no place on the page. @param prefix  says what failed: "local-3: " */
export function toastError(error: unknown, prefix = ''): void {
  const { message, hint } = toApiError(error);
  toast.error(`${prefix}${message}`, { description: hint });
}
