/** What has been typed and not asked, kept for this tab: it outlives a reload, and a key that is asked for anew. */
const KEY = "custard.drafts";
let memory: Record<string, string> | null = null;

/** The draft of a conversation; empty when there is none. */
export function draftOf(slot: string): string {
  return all()[slot] ?? "";
}

/** Keeps a draft, or forgets it when it is empty. */
export function keepDraft(slot: string, text: string): void {
  if (draftOf(slot) === text) return;
  const { [slot]: _, ...others } = all();
  memory = text === "" ? others : { ...others, [slot]: text };
  try {
    sessionStorage.setItem(KEY, JSON.stringify(memory));
  } catch {
    // Kept in memory only.
  }
}

function all(): Record<string, string> {
  memory ??= stored();
  return memory;
}

function stored(): Record<string, string> {
  try {
    const kept: unknown = JSON.parse(sessionStorage.getItem(KEY) ?? "{}");
    if (typeof kept !== "object" || kept === null) return {};
    return Object.fromEntries(
      Object.entries(kept).filter((pair): pair is [string, string] => typeof pair[1] === "string"),
    );
  } catch {
    return {};
  }
}
