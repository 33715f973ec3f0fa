import type { Dimension, ValueInfo, ValueType } from './model.ts';
import type { WireReader } from './wire-reader.ts';

/** Reads a ValueInfoProto. Keeps types other than dense tensors as bytes. */
export function readValueInfo(reader: WireReader): ValueInfo {
  let name = '';
  let type: ValueType | undefined;
  while (reader.next()) {
    if (reader.field === 1) name = reader.string();
    else if (reader.field === 2) type = readType(reader.message());
    else reader.skip();
  }
  return type ? { name, type } : { name };
}

function readType(reader: WireReader): ValueType | undefined {
  const bytes = reader.rest();
  let type: ValueType | undefined;
  while (reader.next()) {
    if (reader.field === 1) {
      type = readTensorType(reader.message());
    } else {
      // Field 6 is a denotation, which does not matter. Any other field is not a dense tensor.
      if (reader.field !== 6) type = { kind: 'opaque', bytes };
      reader.skip();
    }
  }
  return type;
}

function readTensorType(reader: WireReader): ValueType {
  let dataType = 0;
  let dims: Dimension[] | undefined;
  while (reader.next()) {
    if (reader.field === 1) {
      dataType = reader.integer();
    } else if (reader.field === 2) {
      dims ??= [];
      const shape = reader.message();
      while (shape.next()) {
        if (shape.field === 1) dims.push(readDimension(shape.message()));
        else shape.skip();
      }
    } else {
      reader.skip();
    }
  }
  return dims ? { kind: 'tensor', dataType, dims } : { kind: 'tensor', dataType };
}

function readDimension(reader: WireReader): Dimension {
  let dim: Dimension = null;
  while (reader.next()) {
    if (reader.field === 1) {
      const value = reader.integer();
      // Some exporters write -1 for a dynamic dimension.
      dim = value >= 0 ? value : null;
    } else if (reader.field === 2) {
      dim = reader.string() || null;
    } else {
      reader.skip();
    }
  }
  return dim;
}
