/** The name, with the step rail as its sign. */
export function Wordmark() {
  return (
    <span className="flex items-center gap-2 text-16 font-semibold tracking-[-0.018em]">
      <svg aria-hidden="true" viewBox="0 0 20 16" className="h-4 w-5">
        <rect x="0" y="1" width="9" height="3.5" rx="1.75" fill="var(--ink)" />
        <rect
          x="5"
          y="6.25"
          width="15"
          height="3.5"
          rx="1.75"
          fill="var(--custard)"
          stroke="var(--bar-edge)"
          strokeWidth="0.75"
        />
        <rect x="12" y="11.5" width="7" height="3.5" rx="1.75" fill="var(--ink)" />
      </svg>
      Custard
    </span>
  );
}
