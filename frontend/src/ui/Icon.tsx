import type { ReactNode } from "react";

const PATHS = {
  check: <path d="m3.5 8.5 3 3 6-7" />,
  cross: <path d="m4.5 4.5 7 7m0-7-7 7" />,
  stopped: <path d="M4 8h8" />,
  chevron: <path d="m4 6 4 4 4-4" />,
  up: <path d="M8 13V3.5M3.5 8 8 3.5 12.5 8" />,
  stop: <rect x="4.25" y="4.25" width="7.5" height="7.5" rx="1.5" fill="currentColor" stroke="none" />,
  plus: <path d="M8 3v10M3 8h10" />,
  copy: (
    <>
      <rect x="5.5" y="5.5" width="8" height="8" rx="1.5" />
      <path d="M10.5 5.5v-2a1 1 0 0 0-1-1h-6a1 1 0 0 0-1 1v6a1 1 0 0 0 1 1h2" />
    </>
  ),
  download: <path d="M8 2.5v8m0 0L4.5 7M8 10.5 11.5 7M3 13.5h10" />,
  menu: <path d="M2.5 4.5h11M2.5 8h11M2.5 11.5h7" />,
  sun: (
    <>
      <circle cx="8" cy="8" r="2.75" />
      <path d="M8 1.5v1.25M8 13.25v1.25M1.5 8h1.25M13.25 8h1.25M3.4 3.4l.9.9M11.7 11.7l.9.9M12.6 3.4l-.9.9M4.3 11.7l-.9.9" />
    </>
  ),
  moon: <path d="M13.2 9.6A5.6 5.6 0 0 1 6.4 2.8a5.6 5.6 0 1 0 6.8 6.8Z" />,
  contrast: (
    <>
      <circle cx="8" cy="8" r="5.5" />
      <path d="M8 2.5v11a5.5 5.5 0 0 0 0-11Z" fill="currentColor" stroke="none" />
    </>
  ),
  trash: <path d="M2.75 4.25h10.5M6.25 4V2.75h3.5V4M4 4.5l.6 8.75h6.8L12 4.5" />,
  pencil: <path d="m10.5 3 2.5 2.5-7.25 7.25-3.25.75.75-3.25L10.5 3Z" />,
  link: (
    <path d="M5.5 10.5 10.5 5.5M7 4.5l1.2-1.2a2.9 2.9 0 0 1 4.1 0l.4.4a2.9 2.9 0 0 1 0 4.1L11.5 9M9 11.5l-1.2 1.2a2.9 2.9 0 0 1-4.1 0l-.4-.4a2.9 2.9 0 0 1 0-4.1L4.5 7" />
  ),
  retry: <path d="M13 8a5 5 0 1 1-1.6-3.7M13 2.5v2.75h-2.75" />,
} satisfies Record<string, ReactNode>;

export type IconName = keyof typeof PATHS;

/** A drawn sign beside a word; it says nothing by itself to a screen reader. */
export function Icon({ name, className = "size-4" }: { name: IconName; className?: string }) {
  return (
    <svg
      aria-hidden="true"
      viewBox="0 0 16 16"
      className={`shrink-0 ${className}`}
      fill="none"
      stroke="currentColor"
      strokeWidth="1.5"
      strokeLinecap="round"
      strokeLinejoin="round"
    >
      {PATHS[name]}
    </svg>
  );
}
