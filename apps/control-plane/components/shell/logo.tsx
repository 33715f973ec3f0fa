/** A wheel with four spokes, and one more for the spare in the accent color. */
export function Logo({ className }: { className?: string }) {
  return (
    <svg viewBox="0 0 32 32" aria-hidden="true" className={className} fill="none" strokeLinecap="round">
      <circle cx="16" cy="16" r="12.5" stroke="currentColor" strokeWidth="3" />
      <g stroke="currentColor" strokeWidth="2.5">
        <path d="M16 16 4.6 12.3M16 16 9 25.7M16 16l7 9.7M16 16l11.4-3.7" />
      </g>
      <path d="M16 16V4" stroke="var(--parity)" strokeWidth="3" />
      <circle cx="16" cy="16" r="3.5" fill="var(--parity)" />
    </svg>
  );
}
