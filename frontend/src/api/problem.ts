/** Why a call failed, in the words of RFC 9457, or that nobody answered at all. */
export class ApiProblem extends Error {
  override readonly name = "ApiProblem";
  constructor(
    /** The HTTP status; 0 when the backend could not be reached. */
    readonly status: number,
    readonly code: string,
    message: string,
    readonly hint = "",
    readonly runId: string | null = null,
  ) {
    super(message);
  }

  get isUnreachable(): boolean {
    // A 503 of Custard's own says what is missing; a proxy's says that nobody is there.
    const nobody = this.status === 503 && (this.code === "http_503" || this.code === "shutting_down");
    return this.status === 0 || this.status === 502 || this.status === 504 || nobody;
  }

  get needsKey(): boolean {
    return this.status === 401;
  }
}

/** The problem that a refused response tells of. */
export async function problemOf(response: Response): Promise<ApiProblem> {
  const body: unknown = await response.json().catch(() => null);
  return problemFrom(response.status, body);
}

/** The problem in a body that has been read already. */
export function problemFrom(status: number, body: unknown): ApiProblem {
  const told = typeof body === "object" && body !== null ? (body as Record<string, unknown>) : {};
  const text = (name: string) => (typeof told[name] === "string" ? told[name] : "");
  const message = text("detail") || text("title") || `The server answered with status ${status}.`;
  return new ApiProblem(
    status,
    text("code") || `http_${status}`,
    message,
    text("hint") + fields(told["errors"]),
    text("run_id") || null,
  );
}

/** Which parts of the request were wrong, as one sentence. */
function fields(errors: unknown): string {
  if (!Array.isArray(errors)) return "";
  return errors
    .map((error: { field?: unknown; message?: unknown }) => ` ${String(error.field)}: ${String(error.message)}.`)
    .join("");
}

/** Any thrown thing as a problem: what fetch throws means that nobody answered. */
export function asProblem(error: unknown): ApiProblem {
  if (error instanceof ApiProblem) return error;
  return new ApiProblem(
    0,
    "unreachable",
    "Custard's server does not answer.",
    "Check that it runs (custard up) and that this page may reach it.",
  );
}
