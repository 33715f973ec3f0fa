/**
 * How much faster a request is with straggler mitigation than without, in percent, by the number of devices that share a
 * layer: Fig. 16b of Hadidi, Cao and Kim, "Creating Robust Deep Neural Networks With Coded Distributed Computing for
 * IoT Systems". Fully connected layers on Raspberry Pi 3 over WiFi.
 */
const PAPER_GAIN_PERCENT: Readonly<Record<number, number>> = { 3: 2.7, 4: 8.7, 5: 15.7, 6: 34.6 };

/** Returns the paper's gain in percent; null if the paper has no value for so many data shards. */
export function paperGainPercent(k: number): number | null {
  return PAPER_GAIN_PERCENT[k] ?? null;
}
