'use client';
import { FileText, Image as ImageIcon } from 'lucide-react';
import type { RefObject } from 'react';
import { toastError } from '../shell/errors.tsx';
import { Button } from '../ui/button.tsx';
import { type CsvTable, toCsv } from './csv.ts';
import { saveFile } from './save-file.ts';
import { savePng } from './save-png.ts';

/** Saves a chart: its numbers as CSV, and its picture as PNG. */
export function ExportButtons({
  chart,
  title,
  fileName,
  frame,
  table,
  disabled = false,
}: {
  /** What the buttons save: "the histogram". */
  chart: string;
  /** The title in the picture; the time is added. */
  title: string;
  /** Without the extension. */
  fileName: string;
  /** The element that the picture shows. */
  frame: RefObject<HTMLElement | null>;
  table: () => CsvTable;
  disabled?: boolean;
}) {
  function savePicture() {
    if (frame.current === null) return;
    const dated = `${title} · ${new Date().toLocaleString('en-GB')}`;
    savePng(frame.current, dated, `${fileName}.png`).catch((error: unknown) =>
      toastError(error, 'The picture was not saved: '),
    );
  }
  return (
    <>
      <Button
        variant="quiet"
        size="icon"
        title={`Save ${chart} as CSV`}
        aria-label={`Save ${chart} as CSV`}
        disabled={disabled}
        onClick={() => saveFile(new Blob([toCsv(table())], { type: 'text/csv' }), `${fileName}.csv`)}
      >
        <FileText />
      </Button>
      <Button
        variant="quiet"
        size="icon"
        title={`Save ${chart} as PNG`}
        aria-label={`Save ${chart} as PNG`}
        disabled={disabled}
        onClick={savePicture}
      >
        <ImageIcon />
      </Button>
    </>
  );
}
