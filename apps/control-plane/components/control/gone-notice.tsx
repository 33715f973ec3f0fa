'use client';
import { Button } from '../ui/button.tsx';
import { Notice } from '../ui/notice.tsx';

/** What was watched is not there any more, perhaps by somebody else's doing; the page goes on with another. */
export function GoneNotice({
  name,
  shown,
  onUnderstood,
}: {
  name: string;
  shown: string | null;
  onUnderstood: (shown: string) => void;
}) {
  return (
    <Notice tone="danger" title={`Deployment ${name} is not there: it was deleted, or never was.`}>
      <p>
        Requests to it are refused with 404. Its model stays and can be deployed again below.
        {shown !== null && ` What you see now is ${shown}.`}
      </p>
      {shown !== null && (
        <Button size="small" className="mt-2" onClick={() => onUnderstood(shown)}>
          Go on with {shown}
        </Button>
      )}
    </Notice>
  );
}
