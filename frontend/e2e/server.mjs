/**
 * A stand-in for the backend, for looking at the page: serves dist/ and plays scripted runs with their delays.
 *
 * `node e2e/server.mjs [port] [speed]` serves it by hand. Nothing but these tests uses it.
 */
import { createReadStream, existsSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { SCENARIOS, WHOLE } from "./scenarios.mjs";

const DIST = join(import.meta.dirname, "../dist");
const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
};
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
const ENDS = new Set(["answered", "refused", "clarified", "run_failed", "run_cancelled"]);

/** Starts it on a free port. `speed` divides the delays; `state` may be changed while it runs. */
export function startFixture({ port = 0, speed = 1 } = {}) {
  const state = { agent: "online", cutAfter: 0, auth: "none", connections: true, down: false, gone: false };
  const runs = new Map();
  const threads = new Map();
  let serial = 0;

  const newId = (prefix) => `${prefix}_${String(++serial).padStart(4, "0")}fixture0000000000`;

  function connection() {
    const now = Date.now();
    return {
      connection_id: "conn_demo",
      name: "demo",
      description: "A mid-size software company",
      instructions: "",
      created_at: new Date(now - 86_400_000).toISOString(),
      tables: state.agent === "waiting" ? null : 17,
      fingerprint: state.agent === "waiting" ? null : "5a1e0c77",
      agent: {
        status: state.agent,
        agent_id: state.agent === "waiting" ? null : "agt_fixture",
        name: null,
        version: "0.1.0",
        database: "custard_demo",
        server_version: 180006,
        last_seen_at: new Date(now - 240_000).toISOString(),
        since: new Date(now - 240_000).toISOString(),
        policy_name: "demo",
        policy_digest: "c0ffee",
        share: null,
        limits: {
          statement_seconds: 30,
          lock_seconds: 2,
          rows: 10000,
          bytes: 33554432,
          statement_bytes: 32768,
          cost: null,
          concurrent: 4,
          per_minute: 240,
        },
      },
    };
  }

  function ask(body) {
    const run_id = newId("run");
    const thread_id = body.thread_id ?? newId("thr");
    const run = { run_id, thread_id, question: body.question, log: [], waiting: new Set(), over: false, timers: [] };
    runs.set(run_id, run);
    const now = new Date().toISOString();
    const thread = threads.get(thread_id) ?? {
      thread_id,
      connection_id: "conn_demo",
      title: body.question,
      created_at: now,
      runs: [],
    };
    thread.updated_at = now;
    thread.runs.push(run_id);
    threads.set(thread_id, thread);
    tell(run, {
      type: "run_started",
      step: null,
      thread_id,
      connection_id: "conn_demo",
      agent_id: "agt_fixture",
      question: body.question,
      history: [],
    });
    let wait = 0;
    for (const [delay, event] of SCENARIOS[body.question] ?? SCENARIOS["How many engineers are there?"]) {
      wait += delay / speed;
      const timer = setTimeout(() => tell(run, paced({ step: null, ...event })), wait);
      timer.unref();
      run.timers.push(timer);
    }
    return run;
  }

  /** Told durations shrink with the delays, so that the waterfall stays true. */
  const paced = (event) => ("elapsed_ms" in event ? { ...event, elapsed_ms: event.elapsed_ms / speed } : event);

  function tell(run, event) {
    if (run.over) return;
    run.log.push({ run_id: run.run_id, at: new Date().toISOString(), ...event });
    run.over = ENDS.has(event.type);
    for (const notify of run.waiting) notify();
  }

  /** As the backend shows it: only what the page needs before it folds the events itself. */
  function document(run) {
    const first = run.log[0];
    return {
      run_id: run.run_id,
      thread_id: run.thread_id,
      connection_id: "conn_demo",
      agent_id: "agt_fixture",
      status: "running",
      question: run.question,
      standalone_question: null,
      attempts: [],
      answer: null,
      refusal: null,
      clarification: null,
      problem: null,
      receipt: null,
      timings: [],
      usage: { input_tokens: 0, output_tokens: 0, model_calls: 0 },
      created_at: first.at,
      finished_at: null,
      events: [first],
      last_event_id: 1,
    };
  }

  const threadBody = (thread) => ({ ...thread, turns: thread.runs.length, runs: undefined });

  function stream(run, request, response) {
    let position = Number(request.headers["last-event-id"] ?? 0);
    let sent = 0;
    response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
    response.write(": hello\n\n");
    const push = () => {
      while (position < run.log.length) {
        if (state.cutAfter > 0 && sent >= state.cutAfter) {
          run.waiting.delete(push);
          setTimeout(() => response.destroy(), 20); // What was written before the cut still arrives.
          return;
        }
        const event = run.log[position++];
        sent += 1;
        response.write(`id: ${position}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
      }
      if (run.over) {
        run.waiting.delete(push);
        response.end();
      }
    };
    run.waiting.add(push);
    response.on("close", () => run.waiting.delete(push));
    push();
  }

  async function api(request, response, path, url) {
    const json = (status, body, headers = {}) => {
      response.writeHead(status, { "Content-Type": "application/json", ...headers });
      response.end(body === null ? "" : JSON.stringify(body));
    };
    const problem = (status, code, detail, hint) =>
      json(status, { type: "about:blank", title: detail, status, detail, code, hint });
    const [head, id, tail] = path.split("/");
    if (head === "info")
      return json(200, {
        version: "0.1.0",
        model: { name: "qwen2.5-coder-1.5b-instruct", local: true },
        tracing: false,
        auth: state.auth,
      });
    if (state.auth === "key" && request.headers.authorization !== "Bearer letmein")
      return problem(401, "unauthorized", "This server wants a key.", "");
    const body = request.method === "POST" || request.method === "PATCH" ? await bodyOf(request) : {};
    if (head === "connections" && id === undefined) {
      if (request.method === "POST") {
        return json(201, {
          connection_id: "conn_demo",
          name: body.name,
          join_code: "K7QP-2MXD-9TVA",
          join_command: `custard agent join ${url.origin} K7QP-2MXD-9TVA`,
          expires_at: new Date(Date.now() + 900_000).toISOString(),
        });
      }
      return json(200, { connections: state.connections ? [connection()] : [] });
    }
    if (tail === "suggestions") return json(200, { questions: Object.keys(SCENARIOS).slice(0, 6) });
    if (head === "query") {
      if (state.agent !== "online")
        return problem(
          503,
          "agent_offline",
          "No agent is attached to demo.",
          "Start it on its machine: custard agent run.",
        );
      const run = ask(body);
      return json(202, document(run), { Location: `/api/v1/runs/${run.run_id}` });
    }
    if (head === "threads" && id === undefined) {
      const all = [...threads.values()].toReversed();
      const from = all.findIndex((thread) => thread.thread_id === url.searchParams.get("before")) + 1;
      const page = all.slice(from, from + Number(url.searchParams.get("limit") ?? 50));
      const next = from + page.length < all.length ? page.at(-1).thread_id : null;
      return json(200, { threads: page.map(threadBody), next });
    }
    if (head === "threads") {
      const thread = threads.get(id);
      if (thread === undefined) return problem(404, "unknown_thread", "There is no such thread.", "");
      if (request.method === "DELETE") {
        threads.delete(id);
        return json(204, null);
      }
      if (request.method === "PATCH") thread.title = body.title;
      return json(200, { ...threadBody(thread), runs: thread.runs.map((runId) => document(runs.get(runId))) });
    }
    const run = runs.get(id);
    if (head !== "runs" || run === undefined) return problem(404, "unknown_run", "There is no such run.", "");
    if (tail === "events") return stream(run, request, response);
    if (tail === "cancel") {
      for (const timer of run.timers) clearTimeout(timer);
      tell(run, { type: "run_cancelled", step: null, reason: "", database_ms: 312 });
      return json(200, document(run));
    }
    if (tail?.startsWith("result")) {
      const answer = run.log.at(-1).answer;
      if (url.searchParams.get("format") === "csv") {
        response.writeHead(200, { "Content-Type": "text/csv" });
        return response.end("a,b\r\n1,2\r\n");
      }
      if (state.gone) return problem(410, "result_gone", "This result is no longer kept.", "Ask again.");
      const rows = WHOLE.get(answer.sql);
      return json(200, { columns: answer.columns, rows, row_count: answer.row_count, truncated: answer.truncated });
    }
    return json(200, document(run));
  }

  function file(response, path) {
    const wanted = join(DIST, normalize(path));
    const found =
      wanted.startsWith(DIST) && existsSync(wanted) && statSync(wanted).isFile() ? wanted : join(DIST, "index.html");
    response.writeHead(200, {
      "Content-Type": TYPES[extname(found)] ?? "application/octet-stream",
      "Content-Security-Policy": POLICY,
    });
    createReadStream(found).pipe(response);
  }

  const server = createServer((request, response) => {
    const url = new URL(request.url, `http://${request.headers.host}`);
    if (!url.pathname.startsWith("/api/v1/")) return file(response, url.pathname);
    if (state.down) return request.socket.destroy();
    void api(request, response, url.pathname.slice("/api/v1/".length), url);
  });
  return new Promise((resolve) => {
    server.listen(port, "127.0.0.1", () => {
      const url = `http://127.0.0.1:${server.address().port}`;
      resolve({
        url,
        state,
        close: () => {
          server.closeAllConnections();
          server.close();
        },
      });
    });
  });
}

async function bodyOf(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return chunks.length === 0 ? {} : JSON.parse(Buffer.concat(chunks).toString());
}

if (process.argv[1] === import.meta.filename) {
  const { url } = await startFixture({ port: Number(process.argv[2] ?? 8799), speed: Number(process.argv[3] ?? 1) });
  console.log(url);
}
