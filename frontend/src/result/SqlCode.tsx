import { useEffect, useRef, useState } from "react";

type Highlight = (sql: string) => string;
let ready: Highlight | null = null;
const loading = () => import("./highlight").then((module) => (ready = module.highlightSql));

interface Props {
  sql: string;
  /** Keeps its end in view while it grows. */
  growing?: boolean;
  label?: string;
}

/** SQL as it is: plain at once, coloured as soon as the highlighter is there. */
export function SqlCode({ sql, growing = false, label = "SQL" }: Props) {
  const [highlight, setHighlight] = useState<Highlight | null>(() => ready);
  const box = useRef<HTMLPreElement>(null);
  useEffect(() => {
    if (highlight === null) {
      // Without its colours a statement can still be read.
      loading().then(
        (loaded) => setHighlight(() => loaded),
        () => undefined,
      );
    }
  }, [highlight]);
  useEffect(() => {
    if (growing && box.current !== null) box.current.scrollTop = box.current.scrollHeight;
  }, [growing, sql]);
  const size = growing ? "max-h-40" : "max-h-[480px]";
  return (
    <pre
      ref={box}
      // A box that scrolls must be reachable by keyboard.
      // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
      tabIndex={0}
      aria-label={label}
      role="group"
      className={`overflow-auto text-13 whitespace-pre-wrap wrap-anywhere ${size}`}
    >
      {highlight === null ? <code>{sql}</code> : <code dangerouslySetInnerHTML={{ __html: highlight(sql) }} />}
      {growing && (
        <span aria-hidden="true" className="ml-1 inline-block h-3.5 w-1.5 translate-y-0.5 animate-live bg-custard" />
      )}
    </pre>
  );
}
