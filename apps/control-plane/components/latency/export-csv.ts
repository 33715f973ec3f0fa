import type { LatencyHistogram } from '../../src/view-model/latency-histogram.ts';
import { saveFile } from '../save-file.ts';

/** Hands the histogram to the person as a file: one line a bin, shares in percent. */
export function downloadCsv(histogram: LatencyHistogram, deployment: string): void {
  const lines = histogram.bins.map((bin) => [bin.from, bin.to, bin.before, bin.since].join(','));
  const csv = ['from_ms,to_ms,before_fault_percent,since_fault_percent', ...lines, ''].join('\n');
  saveFile(new Blob([csv], { type: 'text/csv' }), `latency-${deployment}.csv`);
}
