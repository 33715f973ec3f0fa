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

/** Name of the uploaded model in the scratch directory. */
const SOURCE = 'source.bin';

/**
 * Reads and validates the uploaded model. Links its weights into the scratch directory and makes its external
 * data point to them.
 * @throws {ModelRejectedError} the file is not ONNX, or its graph is invalid
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
  return linkExternalData(model, modelPath, scratch);
}

/** Reads a model without its weights, which become external data at `location`. */
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
  const truncated = /the bytes end|only \d+ are left/.test(error.problem) && error.offset > 0;
  return truncated
    ? new ModelRejectedError(
        'TRUNCATED',
        `the file is truncated at byte ${error.offset} (${error.problem})`,
        'upload it again',
        { cause: error },
      )
    : new ModelRejectedError(
        'NOT_ONNX',
        `the file is not an ONNX model (byte ${error.offset}: ${error.problem})`,
        'export the network with torch.onnx.export or tf2onnx',
        { cause: error },
      );
}

/** Links the model's external data into the scratch directory under new names, next to the model. */
function linkExternalData(model: Model, modelPath: string, scratch: string): Model {
  const names = new Map<string, string>();
  const locate = (tensor: ConstantTensor): ConstantTensor => {
    const { storage } = tensor;
    if (storage.kind !== 'external' || storage.location === SOURCE) return tensor;
    let name = names.get(storage.location);
    const path = join(dirname(modelPath), storage.location);
    if (!isPlainLocation(storage.location)) {
      throw new ExternalDataError(tensor.name, storage.location, 'which is outside the model’s directory');
    }
    if (!existsSync(path)) throw new ExternalDataError(tensor.name, storage.location, 'which is missing');
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
