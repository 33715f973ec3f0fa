import { type ConstantTensor, dataTypeName, dataTypeSize, type TensorStorage } from './model.ts';
import type { VarintList, WireReader } from './wire-reader.ts';

/** The fields for a tensor's elements. A tensor may use only one. */
type DataField = 'float_data' | 'int32_data' | 'int64_data' | 'double_data' | 'uint64_data' | 'raw_data';

/**
 * Reads a TensorProto. Converts its elements to little-endian bytes: raw, float and double data as a view;
 * integers, which protobuf stores as varints, as a copy.
 */
export function readTensor(reader: WireReader): ConstantTensor {
  const dimensions: bigint[] = [];
  const pieces: Uint8Array[] = [];
  const varints: VarintList[] = [];
  const strings: Uint8Array[] = [];
  const external = new Map<string, string>();
  let field: DataField | undefined;
  let name = '';
  let dataType = 0;
  let isExternal = false;

  const use = (used: DataField) => {
    if (field !== undefined && (field !== used || used === 'raw_data')) {
      throw reader.malformed(`tensor "${name}" has its data twice, as ${field} and ${used}`);
    }
    field = used;
  };
  while (reader.next()) {
    switch (reader.field) {
      case 1:
        reader.int64s(dimensions);
        break;
      case 2:
        dataType = reader.integer();
        break;
      case 4:
        use('float_data');
        pieces.push(reader.fixed(4));
        break;
      case 5:
        use('int32_data');
        varints.push(reader.varints());
        break;
      case 6:
        reader.spend(1);
        strings.push(reader.bytesField());
        break;
      case 7:
        use('int64_data');
        varints.push(reader.varints());
        break;
      case 8:
        name = reader.string();
        break;
      case 9:
        use('raw_data');
        pieces.push(reader.bytesField());
        break;
      case 10:
        use('double_data');
        pieces.push(reader.fixed(8));
        break;
      case 11:
        use('uint64_data');
        varints.push(reader.varints());
        break;
      case 13:
        external.set(...readEntry(reader.message()));
        break;
      case 14:
        isExternal = reader.integer() === 1;
        break;
      default:
        reader.skip();
    }
  }

  const dims = dimensions.map((dim) => {
    if (dim < 0n || dim > BigInt(Number.MAX_SAFE_INTEGER)) {
      throw reader.malformed(`tensor "${name}" has a dimension of ${dim}`);
    }
    return Number(dim);
  });
  let storage: TensorStorage;
  if (isExternal) {
    storage = externalStorage(reader, name, external);
  } else if (dataTypeName(dataType) === 'string') {
    storage = { kind: 'strings', values: strings };
  } else {
    // Decodes only now, because the element type may follow the elements. 4-bit and 8-bit types use one byte
    // of each int32.
    const size = dataTypeSize(dataType) ?? 1;
    for (const list of varints) pieces.push(list.decode(size === 16 ? 8 : size));
    storage = { kind: 'raw', bytes: join(pieces) };
  }
  checkSize(reader, name, dims, dataType, storage);
  return { name, dims, dataType, storage };
}

function readEntry(reader: WireReader): [key: string, value: string] {
  let key = '';
  let value = '';
  while (reader.next()) {
    if (reader.field === 1) key = reader.string();
    else if (reader.field === 2) value = reader.string();
    else reader.skip();
  }
  return [key, value];
}

function externalStorage(
  reader: WireReader,
  name: string,
  entries: ReadonlyMap<string, string>,
): TensorStorage {
  const location = entries.get('location');
  if (!location) throw reader.malformed(`tensor "${name}" is external but has no location`);
  const number = (key: string): number | undefined => {
    const text = entries.get(key);
    if (text === undefined) return undefined;
    const value = Number(text);
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) {
      throw reader.malformed(`tensor "${name}" has the external ${key} "${text}"`);
    }
    return value;
  };
  const length = number('length');
  const offset = number('offset') ?? 0;
  return { kind: 'external', location, offset, ...(length === undefined ? {} : { length }) };
}

function join(pieces: readonly Uint8Array[]): Uint8Array {
  if (pieces.length === 1) return pieces[0]!;
  let length = 0;
  for (const piece of pieces) length += piece.byteLength;
  const joined = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    joined.set(piece, at);
    at += piece.byteLength;
  }
  return joined;
}

/** Rejects a tensor whose size does not match its shape. */
function checkSize(
  reader: WireReader,
  name: string,
  dims: readonly number[],
  dataType: number,
  storage: TensorStorage,
): void {
  const count = dims.reduce((product, dim) => product * dim, 1);
  const size = dataTypeSize(dataType);
  let found: number;
  let expected: number;
  if (storage.kind === 'computed') return;
  if (storage.kind === 'strings') {
    found = storage.values.length;
    expected = count;
  } else {
    const bytes = storage.kind === 'raw' ? storage.bytes.byteLength : storage.length;
    if (bytes === undefined || size === undefined) return;
    found = bytes;
    expected = count * size;
  }
  if (found !== expected) {
    const what = storage.kind === 'strings' ? 'strings' : 'bytes';
    throw reader.malformed(
      `tensor "${name}" has the shape [${dims.join(', ')}] of ${dataTypeName(dataType)}, ${expected} ${what}, but holds ${found}`,
    );
  }
}
