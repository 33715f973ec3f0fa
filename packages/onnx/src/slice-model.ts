import { cutSubgraph, type LoadedModel } from './cut.ts';
import { ELEMENTWISE } from './elementwise.ts';
import type { Shapes } from './linear.ts';
import {
  type ConstantTensor,
  DATA_TYPE,
  dataTypeSize,
  intAttribute,
  type Model,
  type Node,
} from './model.ts';
import { type AnalyzedRun, type Division, fromFront, integersOf } from './slice.ts';
import { type ExternalData, externalBytes, tensorBytes } from './tensor-data.ts';
import type { Span } from './tile.ts';

/**
 * Makes the model of one slice of a run: its nodes on a part of the columns and heads, with the parts of the constants
 * that they need. The results of all slices add up to the run's result.
 * @param units  the slice's part of the run's units; the first slice also adds the addend of the last layer
 * @param name  of the slice's result
 */
export function sliceModel(
  { model, external }: LoadedModel,
  run: AnalyzedRun,
  constants: ReadonlyMap<string, ConstantTensor>,
  shapes: Shapes,
  units: Span,
  name: string,
): Model {
  const { graph } = model;
  const { nodes: indices, feeds, fetch, divisions } = run;
  const cut = cutSubgraph(model, { nodes: indices, feeds, fetches: [fetch] });
  const last = graph.nodes[indices.at(-1)!]!;
  const first = new Set(run.first.map((index) => graph.nodes[index]!));
  const made: ConstantTensor[] = [];
  const partOf = (input: string, axis: number, division: Division, position: string): string => {
    const tensor = constants.get(input)!;
    const part = {
      ...constantPart(tensor, axis, rangesOf(run, division, units), external),
      name: `${input}/${position}`,
    };
    made.push(part);
    return part.name;
  };
  const integers = (label: string, values: readonly number[]): string => {
    const bytes = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
    made.push({
      name: label,
      dims: [values.length],
      dataType: DATA_TYPE.int64,
      storage: { kind: 'raw', bytes },
    });
    return label;
  };
  const sliced = (node: Node, position: string): Node => {
    const [output = ''] = node.outputs;
    const rank = shapes.get(output)?.length ?? 0;
    const transposed = intAttribute(node, 'transB', 0) !== 0;
    const [data = '', second = '', addend = ''] = node.inputs;
    if (node === last) {
      const weights = partOf(second, transposed ? 1 : 0, divisions.get(data)!, `${position}-weights`);
      const adds = addend !== '' && units.from === 0;
      return { ...node, inputs: adds ? [data, weights, addend] : [data, weights] };
    }
    const division = divisions.get(output);
    if (!division) return node;
    if (first.has(node)) {
      const weights = partOf(second, transposed ? 0 : 1, division, `${position}-weights`);
      const dims = constants.get(addend)?.dims ?? [];
      const own =
        addend === '' || (dims.at(-1) ?? 1) === 1
          ? addend
          : partOf(addend, dims.length - 1, division, `${position}-addend`);
      return { ...node, inputs: own === '' ? [data, weights] : [data, weights, own] };
    }
    if (ELEMENTWISE.has(node.opType)) {
      const inputs = node.inputs.map((input, i) => {
        const dims = constants.get(input)?.dims;
        const at = dims ? dims.length - (rank - division.axis) : -1;
        const whole = dims && at >= 0 && dims[at] === sum(division.sections);
        return whole ? partOf(input, at, division, `${position}-${i}`) : input;
      });
      return { ...node, inputs };
    }
    if (node.opType === 'Split' && fromFront(intAttribute(node, 'axis', 0), rank) === division.axis) {
      const sizes = node.outputs.map((each) => sizeOf(run, divisions.get(each)!, units));
      const attributes = node.attributes.filter((item) => item.name !== 'num_outputs');
      return { ...node, attributes, inputs: [data, integers(`${output}/${position}-sizes`, sizes)] };
    }
    if (node.opType === 'Reshape') {
      const wanted = integersOf(constants.get(second))!;
      wanted[division.axis] = sizeOf(run, division, units);
      return { ...node, inputs: [data, integers(`${output}/${position}-shape`, wanted)] };
    }
    return node;
  };
  const nodes = cut.graph.nodes.map((node, index) => sliced(node, `slice-${index}`));
  const used = new Set(nodes.flatMap((node) => node.inputs));
  const rename = (names: readonly string[]) => names.map((each) => (each === fetch ? name : each));
  return {
    ...cut,
    graph: {
      ...cut.graph,
      name: 'slice',
      nodes: nodes.map((node) => ({ ...node, outputs: rename(node.outputs) })),
      initializers: [...cut.graph.initializers.filter((tensor) => used.has(tensor.name)), ...made],
      outputs: cut.graph.outputs.map((output) => ({ ...output, name })),
    },
  };
}

/** Returns the ranges of a divided axis that belong to a slice: one in each section. */
function rangesOf({ units: all }: AnalyzedRun, { sections }: Division, { from, to }: Span): Span[] {
  let start = 0;
  return sections.map((size) => {
    const range = { from: start + (size * from) / all, to: start + (size * to) / all };
    start += size;
    return range;
  });
}

function sizeOf(run: AnalyzedRun, division: Division, units: Span): number {
  return sum(rangesOf(run, division, units).map(({ from, to }) => to - from));
}

/** Bytes of a constant that are read at a time: small enough for a processor's cache. */
const PIECE_BYTES = 1024 * 1024;

/** Returns ranges of a constant along one axis. Its elements are read when the slice is written. */
function constantPart(
  tensor: ConstantTensor,
  axis: number,
  ranges: readonly Span[],
  external: ExternalData,
): ConstantTensor {
  const { dims, dataType } = tensor;
  const outer = product(dims.slice(0, axis));
  const innerBytes = product(dims.slice(axis + 1)) * dataTypeSize(dataType)!;
  const wholeBytes = dims[axis]! * innerBytes;
  const rows = sum(ranges.map(({ from, to }) => to - from));
  const ownBytes = rows * innerBytes;
  function* pieces(): Generator<Uint8Array> {
    if (outer === 1) {
      for (const { from, to } of ranges) {
        const end = to * innerBytes;
        for (let at = from * innerBytes; at < end; at += PIECE_BYTES) {
          yield bytesOf(tensor, external, at, Math.min(PIECE_BYTES, end - at));
        }
      }
      return;
    }
    const lines = Math.max(1, Math.floor(PIECE_BYTES / wholeBytes));
    for (let line = 0; line < outer; line += lines) {
      const count = Math.min(lines, outer - line);
      const source = bytesOf(tensor, external, line * wholeBytes, count * wholeBytes);
      const piece = new Uint8Array(count * ownBytes);
      let at = 0;
      for (let i = 0; i < count; i++) {
        for (const { from, to } of ranges) {
          piece.set(
            source.subarray(i * wholeBytes + from * innerBytes, i * wholeBytes + to * innerBytes),
            at,
          );
          at += (to - from) * innerBytes;
        }
      }
      yield piece;
    }
  }
  return {
    ...tensor,
    dims: dims.with(axis, rows),
    storage: { kind: 'computed', byteLength: outer * ownBytes, pieces },
  };
}

function bytesOf(tensor: ConstantTensor, external: ExternalData, from: number, length: number): Uint8Array {
  const { storage, name } = tensor;
  if (storage.kind !== 'external') return tensorBytes(tensor, external).subarray(from, from + length);
  return externalBytes(name, { ...storage, offset: storage.offset + from, length }, external);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, each) => total + each, 0);
}

function product(values: readonly number[]): number {
  return values.reduce((total, each) => total * each, 1);
}
