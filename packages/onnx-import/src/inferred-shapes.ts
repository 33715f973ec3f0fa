import type { ValueInfo } from '@sparewheel/onnx';
import type { InferenceSession } from 'onnxruntime-node';
import type { RunShapes } from './free-dimensions.ts';

/** What is known about the shapes of a model's tensors. */
export interface InferredShapes {
  readonly values: ReadonlyMap<string, ValueInfo>;
  /** By tensor with a dimension that is not inferred: its shape in the run. */
  readonly usual: Readonly<Record<string, readonly number[]>>;
}

/**
 * Returns the type and shape of every tensor. A dimension is fixed only if ONNX Runtime infers its size from the graph:
 * lengths, masks, thresholds and branches decide the others anew for each request, so a run proves nothing. The run
 * shows the rank where none is inferred, and the usual sizes.
 * @param run    the shapes of one run
 * @param other  the shapes of a run with another input, if any; a tensor with another rank there gets no shape
 */
export function inferredShapes(
  session: InferenceSession,
  run: RunShapes,
  other: RunShapes | undefined,
): InferredShapes {
  const values = new Map<string, ValueInfo>();
  const usual: Record<string, readonly number[]> = {};
  const inferred = inferredDims(session);
  for (const [name, { dataType, dims }] of run) {
    const known = inferred.get(name) ?? [];
    const ranked = known.length === dims.length;
    if (!ranked && other?.get(name) !== undefined && other.get(name)!.dims.length !== dims.length) {
      values.set(name, { name, type: { kind: 'tensor', dataType } });
      continue;
    }
    const open = dims.map((dim, axis) => (ranked && typeof known[axis] === 'number' ? dim : null));
    values.set(name, { name, type: { kind: 'tensor', dataType, dims: open } });
    // A tensor that was empty in the run is not empty as a rule.
    if (open.includes(null)) usual[name] = dims.map((dim) => Math.max(1, dim));
  }
  return { values, usual };
}

/** Returns whether the rank of a tensor is known only from the run. */
export function hasUnknownRank(session: InferenceSession, run: RunShapes): boolean {
  const inferred = inferredDims(session);
  return [...run].some(([name, { dims }]) => (inferred.get(name) ?? []).length !== dims.length);
}

function inferredDims(session: InferenceSession): Map<string, readonly (number | string)[]> {
  return new Map(
    session.outputMetadata.flatMap((value) => (value.isTensor ? [[value.name, value.shape]] : [])),
  );
}
