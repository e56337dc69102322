import { Link } from "wouter";
import type { Connection } from "../api/types";
import { blocked } from "./standing";

/** Says that nothing can be asked, since when, and where to look; nothing while all is well. */
export function OfflineStrip({ connection }: { connection: Connection | null }) {
  const reason = connection === null ? null : blocked(connection);
  if (reason === null) return null;
  return (
    <p
      role="alert"
      data-testid="offline-strip"
      className="flex flex-wrap items-center justify-center gap-x-2 bg-bad-tint px-4 py-2 text-13 text-bad"
    >
      <span className="wrap-anywhere">{reason}</span>
      <Link href="/agents" className="rounded-control font-medium underline underline-offset-2">
        See agent
      </Link>
    </p>
  );
}
