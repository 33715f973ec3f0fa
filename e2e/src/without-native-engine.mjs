/** Preload for an agent (`node --import`): the native ONNX Runtime cannot be imported, so the engine is WebAssembly. */
import { register } from 'node:module';

const hooks = `export function resolve(specifier, context, next) {
  if (specifier === 'onnxruntime-node') throw new Error('this device has no native engine');
  return next(specifier, context);
}`;
register(`data:text/javascript,${encodeURIComponent(hooks)}`);
