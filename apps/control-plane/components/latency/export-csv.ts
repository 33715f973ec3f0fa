import { type ChartTable, toCsv } from '../../src/view-model/chart-tables.ts';
import { saveFile } from '../save-file.ts';

/** Hands a chart's numbers to the person as a file. */
export function downloadCsv(table: ChartTable, fileName: string): void {
  saveFile(new Blob([toCsv(table)], { type: 'text/csv' }), fileName);
}
