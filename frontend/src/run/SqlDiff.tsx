import { diffArrays } from "diff";
import { useMemo } from "react";

/** A name with its table is one word: half-struck names cannot be read. */
const words = (sql: string) => sql.match(/\s+|[\w.$"]+|[^\s\w.$"]+/g) ?? [];

/** What a repair changed: struck out and put in, in place. */
export default function SqlDiff({ before, after }: { before: string; after: string }) {
  const parts = useMemo(() => diffArrays(words(before), words(after)), [before, after]);
  return (
    <pre data-testid="sql-diff" className="text-13 whitespace-pre-wrap wrap-anywhere">
      <code>
        {parts.map((part, place) => {
          if (part.removed)
            return (
              <del key={place} className="rounded-sm bg-bad-tint text-bad">
                {part.value.join("")}
              </del>
            );
          if (part.added)
            return (
              <ins key={place} className="rounded-sm bg-ok-tint text-ok no-underline">
                {part.value.join("")}
              </ins>
            );
          return <span key={place}>{part.value.join("")}</span>;
        })}
      </code>
    </pre>
  );
}
