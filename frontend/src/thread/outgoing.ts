/**
 * A conversation's questions on their way: written, sent, come back.
 *
 * They belong to the page and not to a view. What was typed or sent is there again when somebody returns from another
 * conversation, and what fails or is to be stopped meanwhile is neither lost nor forgotten.
 */
import { type ApiProblem, asProblem } from "../api/problem";
import type { Asking } from "../api/threads";
import type { Run } from "../run/types";
import { draftOf, keepDraft } from "./drafts";

export interface OutgoingState {
  text: string;
  /** The question that is on its way: shown at once, before the backend has answered. */
  pending: string | null;
  /** Questions that did not go out while something else was being written. */
  returned: string[];
  problem: ApiProblem | null;
  /** The run that is being stopped; empty for the question on its way, null when nothing is. */
  stopping: string | null;
}

export interface Ways {
  ask: (asking: Asking) => Promise<Run>;
  cancel: (runId: string) => Promise<unknown>;
}

/** What is sent before its connection is known (`undefined`) waits for it, and comes back when there is none. */
export type Connection = string | null | undefined;

export class Outgoing {
  state: OutgoingState;
  /** Where to go when a run has started; null while nobody looks. */
  started: ((run: Run) => void) | null = null;
  private connection: Connection = undefined;
  private early = false;
  /** What may have been asked although no answer came: the same question again is the same asking. */
  private unanswered: Asking | null = null;
  private readonly views = new Set<() => void>();

  constructor(
    readonly threadId: string | null,
    private readonly ways: Ways,
  ) {
    this.state = { text: draftOf(this.slot), pending: null, returned: [], problem: null, stopping: null };
  }

  readonly subscribe = (view: () => void): (() => void) => {
    this.views.add(view);
    return () => this.views.delete(view);
  };

  readonly write = (text: string): void => this.change({ text });

  /** Sends what is written. */
  readonly send = (): void => this.go(this.state.text, true);

  /** Sends another question than the one that is being written, which stays. */
  readonly ask = (question: string): void => this.go(question, false);

  /** Leaves a question unasked for good. */
  readonly drop = (question: string): void =>
    this.change({ returned: this.state.returned.filter((one) => one !== question), problem: null });

  /** Stops the run, or the question that is still on its way. */
  readonly stop = (runId: string | null): void => {
    const { pending } = this.state;
    if (runId !== null) void this.cancel(runId);
    else if (pending !== null && this.early) this.giveBack(pending, null);
    else if (pending !== null) this.change({ stopping: "" }); // The run is stopped as soon as it is known.
  };

  /** The view knows, or does not know yet, what is asked. */
  know(connection: Connection): void {
    this.connection = connection;
    const { pending } = this.state;
    if (!this.early || pending === null || connection === undefined) return;
    if (connection === null) this.giveBack(pending, null);
    else void this.post(connection, pending);
  }

  /** Nobody looks any more: what waits for its connection must not be asked much later. */
  left(): void {
    this.connection = undefined;
    if (this.early && this.state.pending !== null) this.giveBack(this.state.pending, null);
  }

  private go(question: string, written: boolean): void {
    const trimmed = question.trim();
    const { pending, returned, text } = this.state;
    if (this.connection === null || trimmed === "" || pending !== null) return;
    this.change({
      pending: trimmed,
      text: written ? "" : text,
      returned: returned.filter((one) => one !== trimmed),
      problem: null,
      stopping: null,
    });
    if (this.connection === undefined) this.early = true;
    else void this.post(this.connection, trimmed);
  }

  private async post(connectionId: string, question: string): Promise<void> {
    this.early = false;
    const { threadId, unanswered } = this;
    const same = unanswered?.question === question && unanswered.connectionId === connectionId;
    const asking = same && unanswered !== null ? unanswered : { connectionId, threadId, question, key: newKey() };
    try {
      const run = await this.ways.ask(asking);
      this.unanswered = null;
      if (this.state.stopping !== null) void this.cancel(run.run_id);
      this.change({ pending: null });
      this.started?.(run);
    } catch (error) {
      const problem = asProblem(error);
      this.unanswered = problem.isUnreachable ? asking : null;
      this.giveBack(question, problem);
    }
  }

  private async cancel(runId: string): Promise<void> {
    this.change({ stopping: runId, problem: null });
    try {
      await this.ways.cancel(runId);
    } catch (error) {
      this.change({ stopping: null, problem: asProblem(error) });
    }
  }

  private giveBack(question: string, problem: ApiProblem | null): void {
    this.early = false;
    const { text, returned } = this.state;
    const back = text === "" ? { text: question } : { returned: [...returned, question] };
    this.change({ pending: null, stopping: null, problem, ...back });
  }

  private change(part: Partial<OutgoingState>): void {
    this.state = { ...this.state, ...part };
    const { text, pending, returned } = this.state;
    keepDraft(this.slot, text || pending || returned[0] || "");
    for (const view of this.views) view();
  }

  private get slot(): string {
    return this.threadId ?? "new";
  }
}

/** A key that no other sending has; `randomUUID` exists only on secure pages. */
function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
