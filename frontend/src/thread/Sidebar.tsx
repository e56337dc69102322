import { Link, useLocation } from "wouter";
import { useInfo } from "../api/queries";
import { useThreads } from "../api/threads";
import { useLastError } from "../api/useLastError";
import { moment } from "../lib/format";
import { useTheme } from "../lib/theme";
import { useThreadsUnderWay } from "../run/useRun";
import { Button } from "../ui/Button";
import { Icon } from "../ui/Icon";
import { Skeleton } from "../ui/Notice";
import { Wordmark } from "../ui/Wordmark";

const THEMES = {
  system: ["contrast", "Theme: system"],
  light: ["sun", "Theme: light"],
  dark: ["moon", "Theme: dark"],
} as const;

interface Props {
  onHelp: () => void;
  /** Somebody has chosen where to go: a sheet closes then. */
  onLeave: () => void;
}

/** Where to go: a new question, earlier conversations, agents. */
export function Sidebar({ onHelp, onLeave }: Props) {
  const threads = useThreads();
  const failed = useLastError(threads) !== null && threads.data === undefined;
  const info = useInfo();
  const underWay = useThreadsUnderWay();
  const [path] = useLocation();
  const { theme, next } = useTheme();
  const [icon, label] = THEMES[theme];
  return (
    <div className="flex h-full flex-col p-3">
      <div className="flex h-11 items-center px-2">
        <Link href="/" onClick={onLeave} className="rounded-control" aria-label="Custard, home">
          <Wordmark />
        </Link>
      </div>
      <Link
        href="/"
        onClick={onLeave}
        aria-keyshortcuts="c"
        className="mt-2 flex h-9 items-center gap-2 rounded-control border border-control px-3 text-13 transition-colors hover:bg-hover max-md:h-11"
      >
        <Icon name="plus" />
        New question
        <kbd className="ml-auto text-11 text-ink-3 max-md:hidden">C</kbd>
      </Link>
      <nav aria-label="Conversations" className="mt-4 -mr-2 min-h-0 grow overflow-y-auto pr-2">
        <h2 className="px-3 pb-1 text-12 text-ink-3">Recent</h2>
        {threads.isPending && !failed && (
          <div className="space-y-2 px-3 py-1">
            {[1, 2, 3].map((place) => (
              <Skeleton key={place} className="h-6" />
            ))}
          </div>
        )}
        {failed && (
          <p data-testid="threads-problem" className="px-3 py-1 text-13 text-bad">
            They cannot be read now.
          </p>
        )}
        {threads.data?.length === 0 && <p className="px-3 py-1 text-13 text-ink-3">Nothing asked yet.</p>}
        <ul data-testid="threads">
          {threads.data?.map((thread) => {
            const here = path === `/t/${thread.thread_id}`;
            return (
              <li key={thread.thread_id}>
                <Link
                  href={`/t/${thread.thread_id}`}
                  onClick={onLeave}
                  aria-current={here ? "page" : undefined}
                  title={thread.title}
                  className={`flex h-8 items-center gap-2 rounded-control px-3 text-13 transition-colors max-md:h-11 ${
                    here ? "bg-hover font-medium text-ink" : "text-ink-2 hover:bg-hover hover:text-ink"
                  }`}
                >
                  <span dir="auto" className="min-w-0 grow truncate">
                    {thread.title}
                  </span>
                  {underWay.has(thread.thread_id) ? (
                    <span className="shrink-0" data-testid="thread-running">
                      <span
                        aria-hidden="true"
                        className="block size-2 animate-live rounded-full border border-caramel bg-custard"
                      />
                      <span className="sr-only">being answered</span>
                    </span>
                  ) : (
                    <span className="shrink-0 text-11 font-normal text-ink-3">
                      {moment(thread.updated_at, new Date())}
                    </span>
                  )}
                </Link>
              </li>
            );
          })}
        </ul>
        {threads.hasNextPage && (
          <Button look="link" disabled={threads.isFetchingNextPage} onClick={() => void threads.fetchNextPage()}>
            {threads.isFetchingNextPage ? "Loading…" : "Show older"}
          </Button>
        )}
      </nav>
      <div className="mt-2 border-t border-line pt-2">
        <ModelLine
          name={info.data?.model.name ?? null}
          local={info.data?.model.local ?? false}
          known={info.data !== undefined}
        />
        <div className="flex items-center gap-1">
          <Link
            href="/agents"
            onClick={onLeave}
            aria-current={path === "/agents" ? "page" : undefined}
            className="flex h-8 grow items-center rounded-control px-3 text-13 text-ink-2 transition-colors hover:bg-hover hover:text-ink aria-[current]:bg-hover aria-[current]:text-ink max-md:h-11"
          >
            Agents
          </Link>
          <Button look="quiet" square aria-label={label} title={label} onClick={next} data-testid="theme">
            <Icon name={icon} />
          </Button>
          <Button
            look="quiet"
            square
            aria-label="Keyboard shortcuts"
            title="Keyboard shortcuts (?)"
            onClick={onHelp}
            className="max-md:hidden"
          >
            ?
          </Button>
        </div>
      </div>
    </div>
  );
}

function ModelLine({ name, local, known }: { name: string | null; local: boolean; known: boolean }) {
  if (!known) return null;
  return (
    <p className="truncate px-3 py-1 text-12 text-ink-3" title={name ?? undefined}>
      {name === null ? "No model configured" : local ? "Model on this machine" : name}
    </p>
  );
}
