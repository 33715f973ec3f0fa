/** A placeholder until the first snapshot arrives. */
export function LoadingPage() {
  return (
    <div
      role="status"
      aria-label="Connecting to the control plane"
      className="flex animate-pulse flex-col gap-4"
    >
      <div className="h-10 w-64 rounded-xl bg-raised" />
      <div className="h-28 rounded-xl border bg-surface" />
      <div className="grid gap-4 lg:grid-cols-[minmax(0,1fr)_24rem]">
        <div className="h-96 rounded-xl border bg-surface" />
        <div className="h-96 rounded-xl border bg-surface" />
      </div>
    </div>
  );
}
