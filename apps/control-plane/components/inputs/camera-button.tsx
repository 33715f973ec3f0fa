import { Camera as CameraIcon, VideoOff } from 'lucide-react';
import { Button } from '../ui/button.tsx';
import { Notice } from '../ui/notice.tsx';
import type { MediaState } from './use-media-stream.ts';

/** Starts and stops the camera, and says why it does not start. */
export function CameraButton({
  camera,
  start,
  stop,
}: {
  camera: MediaState;
  start: () => Promise<void>;
  stop: () => void;
}) {
  return (
    <>
      {camera.state === 'on' ? (
        <Button size="small" variant="quiet" className="w-fit" onClick={stop}>
          <VideoOff />
          Camera off
        </Button>
      ) : (
        <Button
          size="small"
          className="w-fit"
          disabled={camera.state === 'asking'}
          onClick={() => void start()}
        >
          <CameraIcon />
          {camera.state === 'asking' ? 'Asking for the camera…' : 'Start the camera'}
        </Button>
      )}
      {camera.state === 'refused' && <Notice tone="danger">{camera.problem}</Notice>}
    </>
  );
}
