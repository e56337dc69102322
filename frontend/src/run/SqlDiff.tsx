import { diffWordsWithSpace } from "diff";
import { useMemo } from "react";

/** What a repair changed: struck out and put in, in place. */
export default function SqlDiff({ before, after }: { before: string; after: string }) {
  const parts = useMemo(() => diffWordsWithSpace(before, after), [before, after]);
  return (
    <pre data-testid="sql-diff" className="text-13 whitespace-pre-wrap wrap-anywhere">
      <code>
        {parts.map((part, place) => {
          if (part.removed) return <del key={place} className="rounded-sm bg-bad-tint text-bad">{part.value}</del>;
          if (part.added) return <ins key={place} className="rounded-sm bg-ok-tint text-ok no-underline">{part.value}</ins>;
          return <span key={place}>{part.value}</span>;
        })}
      </code>
    </pre>
  );
}
