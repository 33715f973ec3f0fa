'use client';
import { ImageUp } from 'lucide-react';
import { type ReactNode, useRef, useState } from 'react';
import { Button } from '../ui/button.tsx';
import { cn } from '../ui/class-names.ts';
import { Notice } from '../ui/notice.tsx';

/** Takes one picture: chosen, or dropped on the area. The caller owns the picture, for example with `usePicture`. */
export function PictureDrop({
  label,
  onPicture,
  children,
}: {
  /** The name of the file input: "Picture of a line". */
  label: string;
  onPicture: (picture: ImageBitmap) => void;
  children: ReactNode;
}) {
  const chooser = useRef<HTMLInputElement>(null);
  const [over, setOver] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);

  async function take(file: File | undefined) {
    if (file === undefined) return;
    try {
      onPicture(await createImageBitmap(file));
      setProblem(null);
    } catch {
      setProblem(`${file.name} is not an image that this browser can read. Convert it to PNG or JPEG.`);
    }
  }

  return (
    <div className="flex flex-col gap-2">
      {/* biome-ignore lint/a11y/noStaticElementInteractions: dropping is an addition to the button below */}
      <div
        className={cn('rounded-lg', over && 'outline-2 outline-offset-2 outline-data')}
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={(event) => {
          event.preventDefault();
          setOver(false);
          void take(event.dataTransfer.files[0]);
        }}
      >
        {children}
      </div>
      <Button size="small" className="w-fit" onClick={() => chooser.current?.click()}>
        <ImageUp />
        Choose a picture
      </Button>
      <input
        ref={chooser}
        type="file"
        accept="image/png,image/jpeg,image/*"
        aria-label={label}
        className="sr-only"
        tabIndex={-1}
        onChange={(event) => {
          const [file] = event.target.files ?? [];
          event.target.value = '';
          void take(file);
        }}
      />
      {problem !== null && <Notice tone="danger">{problem}</Notice>}
    </div>
  );
}
