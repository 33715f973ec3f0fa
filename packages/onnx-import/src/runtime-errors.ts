import { ModelRejectedError } from '@sparewheel/onnx';

/** Translates an error of ONNX Runtime into a plain message with a hint. */
export function translateRuntimeError(error: unknown, doing: 'load' | 'run'): ModelRejectedError {
  const text = (error instanceof Error ? error.message : String(error)).replaceAll(/\s+/g, ' ').trim();
  const cause = { cause: error };

  const op = /Fatal error: ([\w.:]+)\((-?\d+)\) is not a registered function\/op/.exec(text);
  if (op) {
    return new ModelRejectedError(
      'UNKNOWN_OPERATOR',
      `the model uses the operator "${op[1]}"${op[2] === '-1' ? '' : ` (version ${op[2]})`}, which ONNX Runtime does not support`,
      'export the model with standard operators only',
      cause,
    );
  }
  const noOp = /No Op registered for ([\w.:]+) with domain_version of (\d+)/.exec(text);
  if (noOp) {
    return new ModelRejectedError(
      'UNKNOWN_OPERATOR',
      `the model uses the operator "${noOp[1]}", which does not exist in its operator set ${noOp[2]}`,
      'check the spelling of the operator, or export the model with a newer operator set',
      cause,
    );
  }
  const kernel = /Could not find an implementation for ([\w.:]+)\((\d+)\) node with name '([^']*)'/.exec(
    text,
  );
  if (kernel) {
    return new ModelRejectedError(
      'UNKNOWN_OPERATOR',
      `ONNX Runtime has no CPU implementation of ${kernel[1]} (version ${kernel[2]}) for the types of node "${kernel[3]}"`,
      'export the model in float32',
      cause,
    );
  }
  const opset =
    /opset (\d+) is under development and support for this is limited|guarantees support for models stamped with official released onnx opset versions/i.exec(
      text,
    );
  if (opset) {
    return new ModelRejectedError(
      'UNKNOWN_OPERATOR',
      'the model uses an operator set that is too new for ONNX Runtime',
      'export it with an older operator set',
      cause,
    );
  }
  const irVersion = /Unsupported model IR version: (\d+), max supported IR version: (\d+)/.exec(text);
  if (irVersion) {
    return new ModelRejectedError(
      'UNSUPPORTED_TYPE',
      `the file uses version ${irVersion[1]} of the ONNX format; the newest supported version is ${irVersion[2]}`,
      'export it with an older version of onnx',
      cause,
    );
  }
  const locale = /Failed to construct locale with name:([\w.@-]+)/.exec(text);
  if (locale) {
    return new ModelRejectedError(
      'DOES_NOT_RUN',
      `a StringNormalizer uses the locale "${locale[1]}", which is not installed here`,
      'install the locale, or set the attribute locale of the node to "C"',
      cause,
    );
  }
  if (/protobuf parsing failed|ModelProto does not have a graph/i.test(text)) {
    return new ModelRejectedError('NOT_ONNX', 'the file is not an ONNX model', undefined, cause);
  }
  // Other messages already name the node. This removes file paths and error classes.
  const plain = text
    .replace(/^Load model from \S+ failed:\s*/, '')
    .replace(/^(This is an invalid model\. )?(Error in Node|Error):\s*/i, '')
    .replace(
      /Non-zero status code returned while running (\w+) node\. Name:'([^']*)' Status Message: /,
      '$1 "$2": ',
    )
    .replace(/\S*canonical-\w{6}\//g, '')
    .replace(/\/\S*onnxruntime\S*\s+\S+(\(.*?\))?\s*/g, '');
  return new ModelRejectedError(
    doing === 'load' ? 'INVALID_GRAPH' : 'DOES_NOT_RUN',
    doing === 'load'
      ? `ONNX Runtime cannot load the model: ${plain}`
      : `the model failed on a trial input: ${plain}`,
    doing === 'load' ? 'check that the model runs in ONNX Runtime before uploading it' : undefined,
    cause,
  );
}
