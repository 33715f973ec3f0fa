import type { Product } from '@sparewheel/e2e/product';

/**
 * The data plane measures the link to a device in rounds, the last one 16 s after the device joined. Figures
 * that are unchanged for this long are final.
 */
const STABLE_FOR_MS = 11_000;
const TIMEOUT_MS = 180_000;

/** Waits until `count` devices are ready and their measured figures are final. */
export async function untilMeasured(product: Product, count: number): Promise<void> {
  let before = '';
  let since = performance.now();
  await product.eventually(
    'every device ready and measured',
    async () => {
      const profiles = (await product.devices()).map(({ state, profile }) => state === 'ready' && profile);
      const now = JSON.stringify(profiles);
      if (now !== before) [before, since] = [now, performance.now()];
      const known = profiles.every((profile) => profile && profile.hopMs !== null);
      return known && profiles.length === count && performance.now() - since > STABLE_FOR_MS;
    },
    TIMEOUT_MS,
  );
}
