/**
 * The new value, with every part that equals its old one replaced by the old one itself: what draws a part may then
 * compare by identity and rest. Plain JSON values only; neither is mutated.
 */
export function shareUnchanged<Value>(before: Value, after: Value): Value {
  if (Object.is(before, after)) return before;
  if (Array.isArray(before) && Array.isArray(after)) {
    const shared = after.map((item, at) => shareUnchanged(before[at], item));
    const same = shared.length === before.length && shared.every((item, at) => item === before[at]);
    return (same ? before : shared) as Value;
  }
  if (!isRecord(before) || !isRecord(after)) return after;
  const keys = Object.keys(after);
  let same = Object.keys(before).length === keys.length;
  const shared: Record<string, unknown> = {};
  for (const key of keys) {
    shared[key] = shareUnchanged(before[key], after[key]);
    if (shared[key] !== before[key]) same = false;
  }
  return (same ? before : shared) as Value;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
