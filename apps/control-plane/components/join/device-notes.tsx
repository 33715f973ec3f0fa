import { Notice } from '../ui/notice.tsx';

/** What this browser withholds from the page, and what that costs. */
export function DeviceNotes({ memoryOnly, awake }: { memoryOnly: boolean; awake: boolean }) {
  const secure = typeof window === 'undefined' || window.isSecureContext;
  return (
    <>
      {memoryOnly && (
        <Notice title="Shards are kept in memory only">
          {secure
            ? 'This browser gives the page no storage, as in some private windows.'
            : 'This page came over http, so the browser gives it no lock on lasting storage and no SHA-256: shards are verified by Sparewheel’s own code.'}{' '}
          It serves as well as any; after a reload its shards are sent again.
        </Notice>
      )}
      {!awake && (
        <Notice>
          This browser does not keep the screen on for this page. A phone that sleeps stops answering: keep it
          awake and this tab in front.
        </Notice>
      )}
    </>
  );
}
