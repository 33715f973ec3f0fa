'use client';
import { FileText, Image as ImageIcon } from 'lucide-react';
import type { RefObject } from 'react';
import { toast } from 'sonner';
import { Button } from '../ui/button.tsx';
import type { ChartTable } from './chart-tables.ts';
import { downloadCsv } from './export-csv.ts';
import { downloadPng } from './export-png.ts';

/** The same two for every chart: its numbers, and its picture as it looks now. */
export function ExportButtons({
  chart,
  title,
  fileName,
  frame,
  table,
  disabled = false,
}: {
  /** What the buttons say that they save: "the histogram". */
  chart: string;
  /** Of the picture; the time is added. */
  title: string;
  /** Without an ending. */
  fileName: string;
  /** What the picture shows. */
  frame: RefObject<HTMLElement | null>;
  table: () => ChartTable;
  disabled?: boolean;
}) {
  function savePicture() {
    if (frame.current === null) return;
    const named = `${title} · ${new Date().toLocaleString('en-GB')}`;
    downloadPng(frame.current, named, `${fileName}.png`).catch((error: Error) =>
      toast.error('The picture could not be made.', { description: error.message }),
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
        onClick={() => downloadCsv(table(), `${fileName}.csv`)}
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
