import { encode } from 'uqr';

/** Modules of white around the code that scanners need. [ISO/IEC 18004 §6.3.8] */
const QUIET_ZONE = 4;

/** A QR code to draw: `path` fills its dark modules in a square of `size` × `size`, quiet zone included. */
export interface QrDrawing {
  readonly size: number;
  readonly path: string;
}

/**
 * Encodes a text, with the medium error correction (15 %) that a photographed screen needs.
 * Neighbouring modules of a row become one rectangle, so that no hairlines show between them.
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
