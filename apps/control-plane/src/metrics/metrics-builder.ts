import type { DataPlaneLink } from '@sparewheel/data-plane-client';
import { Counter, Gauge, Registry } from 'prom-client';
import type { Deployments } from '../deployments/deployments.ts';
import type { LiveViews } from '../live-views.ts';

export const PREFIX = 'sparewheel_';

/** What the metrics are computed from. */
export interface MetricsSource {
  readonly live: Pick<LiveViews, 'devices' | 'latency'>;
  readonly deployments: Pick<Deployments, 'views'>;
  readonly dataPlane: Pick<DataPlaneLink, 'call'>;
}

/** Adds metrics whose values are computed at each scrape. */
export class MetricsBuilder {
  readonly registry = new Registry();

  gauge<Label extends string>(
    name: string,
    help: string,
    labelNames: Label[],
    fill: (set: (labels: Record<Label, string>, value: number) => void) => void,
  ): void {
    new Gauge({
      name: PREFIX + name,
      help,
      labelNames,
      registers: [this.registry],
      collect() {
        this.reset();
        fill((labels, value) => this.inc(labels, value));
      },
    });
  }

  /** @param name  without `_total` */
  counter<Label extends string>(
    name: string,
    help: string,
    labelNames: Label[],
    fill: (add: (labels: Record<Label, string>, value: number) => void) => void,
  ): void {
    new Counter({
      name: `${PREFIX}${name}_total`,
      help,
      labelNames,
      registers: [this.registry],
      collect() {
        this.reset();
        fill((labels, value) => this.inc(labels, value));
      },
    });
  }
}
