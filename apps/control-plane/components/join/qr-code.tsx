import { useMemo } from 'react';
import { qrDrawing } from './qr-code-path.ts';

/** Black on white in every theme: many scanners do not read an inverted code. */
export function QrCode({ text, label }: { text: string; label: string }) {
  const { size, path } = useMemo(() => qrDrawing(text), [text]);
  return (
    <svg
      viewBox={`0 0 ${size} ${size}`}
      role="img"
      aria-label={label}
      data-testid="join-qr"
      data-text={text}
      shapeRendering="crispEdges"
      className="w-52 max-w-full rounded-lg border"
    >
      <rect width={size} height={size} fill="#ffffff" />
      <path d={path} fill="#000000" />
    </svg>
  );
}
