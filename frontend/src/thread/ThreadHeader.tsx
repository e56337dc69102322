import { useEffect, useRef, useState } from "react";
import { useLocation } from "wouter";
import { type ThreadDetail, useDeleteThread, useRenameThread } from "../api/threads";
import { Button } from "../ui/Button";
import { CopyButton } from "../ui/CopyButton";
import { Dialog } from "../ui/Dialog";
import { Icon } from "../ui/Icon";
import { Trouble } from "../ui/Notice";
import { isComposing } from "../ui/keys";
import { forgetOutgoing } from "./useSending";

/** A conversation's name, and what can be done with it as a whole. */
export function ThreadHeader({ thread }: { thread: ThreadDetail }) {
  const [editing, setEditing] = useState(false);
  const pencil = useRef<HTMLButtonElement>(null);
  const wasEditing = useRef(false);
  useEffect(() => {
    if (wasEditing.current && !editing) pencil.current?.focus();
    wasEditing.current = editing;
  }, [editing]);
  const [asking, setAsking] = useState(false);
  const [, navigate] = useLocation();
  const rename = useRenameThread(thread.thread_id);
  const remove = useDeleteThread(thread.thread_id);

  return (
    <div className="-mr-2 flex min-h-12 items-center gap-1 pt-2">
      {editing ? (
        <form
          className="flex min-w-0 grow items-center gap-2"
          onSubmit={(event) => {
            event.preventDefault();
            const title = String(new FormData(event.currentTarget).get("title") ?? "").trim();
            if (title !== "") rename.mutate(title, { onSuccess: () => setEditing(false) });
          }}
        >
          <input
            name="title"
            dir="auto"
            aria-label="Title"
            defaultValue={thread.title}
            maxLength={120}
            // Somebody has just asked to write here.
            // oxlint-disable-next-line jsx-a11y/no-autofocus
            autoFocus
            onKeyDown={(event) => event.key === "Escape" && !isComposing(event.nativeEvent) && setEditing(false)}
            className="h-8 min-w-0 grow rounded-input border border-control bg-surface px-2 text-13"
          />
          <Button type="submit">Save</Button>
        </form>
      ) : (
        <h1 dir="auto" className={echoes(thread) ? "sr-only" : "min-w-0 truncate text-13 text-ink-2"}>
          {thread.title}
        </h1>
      )}
      {rename.error !== null && (
        <span role="alert" className="text-12 text-bad">
          {rename.error.message}
        </span>
      )}
      <span className="grow" />
      {!editing && (
        <Button look="quiet" square ref={pencil} aria-label="Rename" title="Rename" onClick={() => setEditing(true)}>
          <Icon name="pencil" />
        </Button>
      )}
      <CopyButton label="Copy link" square icon="link" text={() => location.href} />
      <Button look="quiet" square aria-label="Delete" title="Delete" onClick={() => setAsking(true)}>
        <Icon name="trash" />
      </Button>
      <Dialog open={asking} onClose={() => setAsking(false)} label="Delete this conversation">
        <div className="p-6">
          <h2 className="text-18 font-semibold">Delete this conversation?</h2>
          <p className="mt-2 text-ink-2">Its questions, answers and stored results go. The database is not touched.</p>
          <Trouble problem={remove.error} />
          <div className="mt-6 flex justify-end gap-2">
            <Button onClick={() => setAsking(false)}>Keep</Button>
            <Button
              look="danger"
              disabled={remove.isPending}
              onClick={() =>
                remove.mutate(undefined, {
                  onSuccess() {
                    forgetOutgoing(thread.thread_id);
                    navigate("/");
                  },
                })
              }
            >
              Delete
            </Button>
          </div>
        </div>
      </Dialog>
    </div>
  );
}

/** A name that only repeats the one question under it is left out of sight. */
function echoes(thread: ThreadDetail): boolean {
  return thread.runs.length === 1 && thread.runs[0]?.question === thread.title;
}
