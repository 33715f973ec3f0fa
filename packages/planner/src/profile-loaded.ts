import {
  analyzeLinear,
  constantsOf,
  isCodable,
  type LoadedModel,
  largestOutput,
  separateRecurrent,
  shapesOf,
} from '@sparewheel/onnx';
import { type FreeShapes, type ModelProfile, own, profileModel } from './profile.ts';

/**
 * Limits the outputs of layers with integer weights by these weights, instead of by the largest ones: wider layers can
 * then be coded with r ≥ 2.
 */
function withLargestOutputs(profile: ModelProfile, loaded: LoadedModel): ModelProfile {
  if (!profile.layers.some(({ coding }) => coding?.integers)) return profile;
  const { graph } = loaded.model;
  const [constants, shapes] = [constantsOf(graph), shapesOf(graph)];
  const layers = profile.layers.map((layer) => {
    if (!layer.coding?.integers) return layer;
    const analysis = analyzeLinear(graph, layer.node, constants, shapes);
    if (!isCodable(analysis)) return layer;
    return { ...layer, coding: { ...layer.coding, integers: { largest: largestOutput(loaded, analysis) } } };
  });
  return { ...profile, layers };
}

/**
 * Profiles a canonical model as `profileModel` does. If it has recurrent layers, also profiles the form in which their
 * matrices are layers of their own. The measured time of a recurrent layer is divided by multiply-adds.
 */
export function profileLoaded(
  loaded: LoadedModel,
  identity: ModelProfile['model'],
  nodeMs: Readonly<Record<string, number>> = {},
  speed?: NonNullable<ModelProfile['speed']>,
  free: FreeShapes = { inputs: {}, usual: {} },
): ModelProfile {
  const profile = withLargestOutputs(profileModel(loaded.model, identity, nodeMs, speed, free), loaded);
  const separated = separateRecurrent(loaded);
  if (!separated) return profile;
  const usual: Record<string, readonly number[]> = { ...free.usual };
  const sources = new Map(profile.layers.map((layer) => [layer.name, layer]));
  for (const name of separated.layers) {
    const input = sources.get(name)!.inputs[0]!;
    const sizes = own(free.usual, input);
    if (!sizes) continue;
    for (const { name: value, type } of separated.loaded.model.graph.valueInfos) {
      if (!value.startsWith(`${name}/`) || type?.kind !== 'tensor') continue;
      usual[value] = [sizes[0]!, sizes[1]!, ...(type.dims ?? []).slice(2).map(Number)];
    }
  }
  const { model } = separated.loaded;
  const parts = profileModel(model, identity, {}, undefined, { ...free, usual });
  const times: Record<string, number> = {};
  for (const { name, multiplyAdds } of parts.layers) {
    const source = separated.layers.find((each) => name === each || name.startsWith(`${each}/`));
    const measured = nodeMs[source ?? name];
    if (measured === undefined) continue;
    const share = source ? multiplyAdds / (sources.get(source)!.multiplyAdds || 1) : 1;
    times[name] = measured * share;
  }
  const whole = profileModel(model, identity, times, speed, { ...free, usual });
  return { ...profile, separated: withLargestOutputs(whole, separated.loaded) };
}
