import { useState } from "react";
import { isSendable, setApiKey } from "./api/access";
import { Button } from "./ui/Button";
import { Wordmark } from "./ui/Wordmark";

const SAID = {
  asked: "",
  checking: "Checking",
  refused: "This key was refused. Check it, or ask for another.",
};

/** The one thing to see where the backend wants a key. */
export function KeyPage({ standing, onKey }: { standing: keyof typeof SAID; onKey: () => void }) {
  const [impossible, setImpossible] = useState(false);
  const bad = impossible || standing === "refused";
  return (
    <main className="grid min-h-dvh place-items-center p-6">
      <form
        className="w-full max-w-96"
        onSubmit={(event) => {
          event.preventDefault();
          const key = String(new FormData(event.currentTarget).get("key") ?? "").trim();
          setImpossible(!isSendable(key));
          if (!isSendable(key)) return;
          setApiKey(key);
          onKey();
        }}
      >
        <Wordmark />
        <h1 className="mt-6 text-22 font-semibold tracking-[-0.018em]">This server wants a key</h1>
        <p className="mt-2 text-ink-2">Whoever runs it gives keys out. It is kept for this tab only.</p>
        <label className="mt-6 block text-12 text-ink-2" htmlFor="key">
          API key
        </label>
        <input
          id="key"
          name="key"
          type="password"
          autoComplete="off"
          required
          aria-invalid={bad}
          aria-describedby="key-note"
          onChange={() => setImpossible(false)}
          className="mt-1 h-11 w-full rounded-input border border-control bg-surface px-3"
        />
        <p id="key-note" role="status" className={`mt-1 min-h-4 text-12 ${bad ? "text-bad" : "text-ink-2"}`}>
          {impossible
            ? "A key has only letters, digits and signs of plain English, and no spaces. Copy it again."
            : SAID[standing]}
        </p>
        <Button type="submit" look="primary" className="mt-3">
          Continue
        </Button>
      </form>
    </main>
  );
}
