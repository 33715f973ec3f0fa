import { useMemo } from 'react';
import { encode } from 'uqr';

/** The white border in modules that scanners need. [ISO/IEC 18004 §6.3.8] */
const QUIET_ZONE = 4;

/** A QR code as an SVG path of its dark modules, in a square of `size` × `size` with the border. */
export interface QrDrawing {
  readonly size: number;
  readonly path: string;
}

/**
 * Encodes a text with medium error correction (15 %), which suits a photographed screen. Joins neighboring modules of a
 * row to one rectangle, so that no gaps show between them.
 */
export function qrDrawing(text: string): QrDrawing {
  const { data, size } = encode(text, { ecc: 'M', border: QUIET_ZONE });
  const path: string[] = [];
  for (const [y, row] of data.entries()) {
    for (let x = 0; x < row.length; x++) {
      if (!row[x]) continue;
      const from = x;
      while (row[x + 1]) x++;
      path.push(`M${from} ${y}h${x - from + 1}v1h-${x - from + 1}z`);
    }
  }
  return { size, path: path.join('') };
}

/** A QR code, black on white in every theme: many scanners cannot read an inverted code. */
export function QrCode({
  text,
  label,
  testId = 'join-qr',
}: {
  text: string;
  label: string;
  testId?: string;
}) {
  const { size, path } = useMemo(() => qrDrawing(text), [text]);
  return (
    <svg
      viewBox={`0 0 ${size} ${size}`}
      role="img"
      aria-label={label}
      data-testid={testId}
      data-text={text}
      shapeRendering="crispEdges"
      className="w-52 max-w-full rounded-lg border"
    >
      <rect width={size} height={size} fill="#ffffff" />
      <path d={path} fill="#000000" />
    </svg>
  );
}
