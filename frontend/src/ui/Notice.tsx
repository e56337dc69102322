import type { ReactNode } from "react";

const TONES = {
  bad: "bg-bad-tint text-bad",
  quiet: "bg-sunken text-ink-2",
  warm: "bg-custard-tint text-ink",
};

interface Props {
  tone?: keyof typeof TONES;
  /** What happened. */
  title: ReactNode;
  /** What to do. */
  children?: ReactNode;
  testId?: string;
}

/** What happened, what to do: where it happened. */
export function Notice({ tone = "quiet", title, children, testId }: Props) {
  return (
    // What went wrong is said at once; the rest is found where it stands.
    <div
      role={tone === "bad" ? "alert" : undefined}
      data-testid={testId}
      className={`rounded-card px-4 py-3 ${TONES[tone]}`}
    >
      <p className="font-medium wrap-anywhere">{title}</p>
      {children !== undefined && <div className="mt-1 text-13 text-ink-2 wrap-anywhere">{children}</div>}
    </div>
  );
}

/** What went wrong, under the thing that was tried; nothing while nothing did. */
export function Trouble({ problem }: { problem: { message: string; hint: string } | null }) {
  if (problem === null) return null;
  return (
    <div className="mt-4">
      <Notice tone="bad" title={problem.message}>
        {problem.hint}
      </Notice>
    </div>
  );
}

/** A place for what is still coming; seen only after 150 ms. */
export function Skeleton({ className }: { className: string }) {
  return <div aria-hidden="true" className={`animate-late rounded-control bg-hover ${className}`} />;
}
