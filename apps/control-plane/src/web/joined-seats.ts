import type { Plan } from '@sparewheel/planner';
import type { DeploymentView, JoinedLayerView, JoinedSeatView } from '@sparewheel/protocol';

/** A page lists a few layers; a deep network has a hundred. */
const MOST_LAYERS = 64;

/**
 * Returns the seats of a device with the rows that it computes. Leaves out deployments whose plan is being replaced,
 * because their seats belong to another plan.
 */
export function seatsOf(
  device: string,
  deployments: readonly DeploymentView[],
  planOf: (deployment: string) => Plan,
): JoinedSeatView[] {
  return deployments.flatMap(({ name, progress }) => {
    const plan = planOf(name);
    if (plan.seats.length !== progress.seats.length) return [];
    return progress.seats
      .filter((seat) => seat.device === device)
      .map(({ seat, role }): JoinedSeatView => {
        const layers = plan.steps.flatMap((step) => layerOf(step, seat)).slice(0, MOST_LAYERS);
        return { deployment: name, seat, role, layers };
      });
  });
}

function layerOf(step: Plan['steps'][number], seat: number): JoinedLayerView[] {
  if (step.kind === 'local') return [];
  if (step.kind === 'replicated') {
    if (!step.seats.includes(seat)) return [];
    if (step.slice)
      return [{ layer: step.summary, rows: step.slice.part, of: step.slice.units, kind: 'rows' }];
    if (step.tile === undefined) return [{ layer: step.summary, rows: null, of: null, kind: 'whole' }];
    return [{ layer: step.summary, rows: step.tile.output, of: step.tile.outputRows, kind: 'rows' }];
  }
  const shard = step.seats.indexOf(seat);
  if (shard < 0) return [];
  const of = step.blocks.reduce((rows, block) => rows + block.rows, 0);
  const block = step.blocks[shard];
  if (block === undefined) return [{ layer: step.layer, rows: null, of, kind: 'sum' }];
  const rows = { from: block.start, to: block.start + block.rows };
  return [{ layer: step.layer, rows, of, kind: 'rows' }];
}
