import { type LoadedModel, separateRecurrent } from '@sparewheel/onnx';
import { type FreeShapes, type ModelProfile, own, profileModel } from './profile.ts';

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
  const profile = profileModel(loaded.model, identity, nodeMs, speed, free);
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
  return { ...profile, separated: profileModel(model, identity, times, speed, { ...free, usual }) };
}
