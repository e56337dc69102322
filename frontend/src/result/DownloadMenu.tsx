import { useId, useRef, useState } from "react";
import { download } from "../api/client";
import { asProblem, type ApiProblem } from "../api/problem";
import { Button } from "../ui/Button";
import { Icon } from "../ui/Icon";
import { Notice } from "../ui/Notice";

const FORMATS = [
  { name: "csv", label: "CSV" },
  { name: "xlsx", label: "Excel" },
  { name: "json", label: "JSON" },
  { name: "parquet", label: "Parquet" },
  { name: "arrow", label: "Arrow" },
] as const;

interface Props {
  runId: string;
  /** Whether a cap cut the rows that are shown: then the file is made anew, and holds them all. */
  truncated: boolean;
}

/** Gives the whole result as a file of the reader's choice. */
export function DownloadMenu({ runId, truncated }: Props) {
  const id = useId();
  const button = useRef<HTMLButtonElement>(null);
  const [open, setOpen] = useState(false);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<ApiProblem | null>(null);

  async function save(format: string) {
    setOpen(false);
    button.current?.focus();
    setProblem(null);
    setBusy(true);
    try {
      await download(`/api/v1/runs/${encodeURIComponent(runId)}/result?format=${format}`, `${runId}.${format}`);
    } catch (error) {
      setProblem(asProblem(error));
    } finally {
      setBusy(false);
    }
  }

  return (
    <>
      {problem !== null && (
        <Notice tone="bad" title={problem.message}>
          {problem.hint}
        </Notice>
      )}
      {/* Not disabled while it works: the focus would be lost with it. */}
      <Button
        ref={button}
        look="quiet"
        aria-expanded={open}
        aria-controls={id}
        aria-disabled={busy}
        onClick={() => setOpen(!open && !busy)}
      >
        <Icon name="download" />
        {busy ? "Downloading…" : "Download"}
      </Button>
      <span id={id} role="group" aria-label="Download as" hidden={!open} className="flex flex-wrap items-center">
        {open &&
          FORMATS.map(({ name, label }) => (
            <Button key={name} look="link" onClick={() => void save(name)}>
              {label}
            </Button>
          ))}
        {open && truncated && <span className="px-2">with all rows: the query runs again</span>}
      </span>
    </>
  );
}
