/** What the colors of the dots mean. */
export function DotLegend() {
  return (
    <>
      <Dot color="var(--data)" label="answered" />
      <Dot color="var(--parity)" label="survived a failed device" />
      <Dot color="var(--danger)" label="failed or wrong" />
    </>
  );
}

function Dot({ color, label }: { color: string; label: string }) {
  return (
    <span className="flex items-center gap-1.5 whitespace-nowrap">
      <span aria-hidden className="size-2" style={{ background: color }} />
      {label}
    </span>
  );
}
