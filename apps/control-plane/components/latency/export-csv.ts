import { saveFile } from '../save-file.ts';
import { type ChartTable, toCsv } from './chart-tables.ts';

/** Hands a chart's numbers to the person as a file. */
export function downloadCsv(table: ChartTable, fileName: string): void {
  saveFile(new Blob([toCsv(table)], { type: 'text/csv' }), fileName);
}
