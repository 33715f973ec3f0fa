import { existsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ConstantTensor, Graph, Model } from '@sparewheel/onnx';
import {
  ExternalDataError,
  joinChunks,
  MalformedModelError,
  ModelRejectedError,
  mapBodies,
  readModel,
  skimModel,
  validateModel,
} from '@sparewheel/onnx';
import { isPlainLocation, linkOrCopy, openFile } from './files.ts';

/** What the model that was brought is called in the scratch directory. */
const SOURCE = 'source.bin';

/**
 * Reads the model that was brought, checks it, and makes its weights appear in the scratch directory, where the
 * model's external data then points.
 * @throws {ModelRejectedError} it is not ONNX, or its graph cannot be
 */
export function readSource(modelPath: string, scratch: string): Model {
  let model: Model;
  try {
    model = readSkimmed(modelPath, SOURCE);
  } catch (error) {
    if (error instanceof MalformedModelError) throw notOnnx(error);
    throw error;
  }
  validateModel(model);
  linkOrCopy(modelPath, join(scratch, SOURCE));
  return bringExternalData(model, modelPath, scratch);
}

/** Reads a model whose weights stay in its file, under the given location. */
export function readSkimmed(path: string, location: string): Model {
  const file = openFile(path);
  try {
    if (file.size === 0) throw new ModelRejectedError('NOT_ONNX', 'the file is empty');
    return readModel(joinChunks(skimModel(file, location)));
  } finally {
    file.close();
  }
}

function notOnnx(error: MalformedModelError): ModelRejectedError {
  const truncated = /the bytes end|only \d+ are left|is left/.test(error.problem) && error.offset > 0;
  return truncated
    ? new ModelRejectedError(
        'TRUNCATED',
        `the file breaks off at byte ${error.offset} (${error.problem})`,
        'upload it again; it may have been cut short on the way',
        { cause: error },
      )
    : new ModelRejectedError(
        'NOT_ONNX',
        `this is not an ONNX model (byte ${error.offset}: ${error.problem})`,
        'export the network with torch.onnx.export or tf2onnx',
        { cause: error },
      );
}

/** Puts the model's own external data beside the file that ONNX Runtime will read, under names of ours. */
function bringExternalData(model: Model, modelPath: string, scratch: string): Model {
  const names = new Map<string, string>();
  const locate = (tensor: ConstantTensor): ConstantTensor => {
    const { storage } = tensor;
    if (storage.kind !== 'external' || storage.location === SOURCE) return tensor;
    let name = names.get(storage.location);
    const path = join(dirname(modelPath), storage.location);
    if (!isPlainLocation(storage.location)) {
      throw new ExternalDataError(tensor.name, storage.location, 'which is not in the model’s directory');
    }
    if (!existsSync(path)) throw new ExternalDataError(tensor.name, storage.location, 'which is not there');
    const { size } = statSync(path);
    if (storage.offset + (storage.length ?? 0) > size) {
      throw new ExternalDataError(tensor.name, storage.location, `which has only ${size} bytes`);
    }
    if (name === undefined) {
      name = `external-${names.size}.bin`;
      names.set(storage.location, name);
      linkOrCopy(path, join(scratch, name));
    }
    return { ...tensor, storage: { ...storage, location: name } };
  };
  return { ...model, graph: mapConstants(model.graph, locate) };
}

function mapConstants(graph: Graph, change: (tensor: ConstantTensor) => ConstantTensor): Graph {
  return {
    ...graph,
    initializers: graph.initializers.map(change),
    nodes: graph.nodes.map((node) => {
      const outer = mapBodies(node, (body) => mapConstants(body, change));
      return {
        ...outer,
        attributes: outer.attributes.map((item) =>
          item.kind === 'tensor' ? { ...item, value: change(item.value) } : item,
        ),
      };
    }),
  };
}
