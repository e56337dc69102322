import { useState } from "react";
import { Button } from "./ui/Button";
import { Dialog } from "./ui/Dialog";
import { Icon } from "./ui/Icon";
import { shortcutsOn, switchShortcuts } from "./ui/shortcuts";

const KEYS: [string, string][] = [
  ["Enter", "Ask"],
  ["Shift Enter", "New line"],
  ["Esc", "Stop, in the question field; close, in a dialog"],
  [".", "Stop"],
  ["C", "New question"],
  ["/", "Go to the question field"],
  ["J  K", "Next and previous turn"],
  ["?", "This list"],
];

export function Help({ open, onClose }: { open: boolean; onClose: () => void }) {
  const [single, setSingle] = useState(shortcutsOn);
  return (
    <Dialog open={open} onClose={onClose} label="Keyboard shortcuts">
      <div className="p-6">
        <div className="flex items-center">
          <h2 className="text-18 font-semibold">Keyboard</h2>
          <Button look="quiet" square className="ml-auto" aria-label="Close" onClick={onClose}>
            <Icon name="cross" />
          </Button>
        </div>
        <dl className="mt-3 grid grid-cols-[max-content_minmax(0,1fr)] items-baseline gap-x-6 gap-y-2">
          {KEYS.map(([key, meaning]) => (
            <div key={key} className="contents">
              <dt>
                <kbd className="text-12 text-ink">{key}</kbd>
              </dt>
              <dd className="text-13 text-ink-2">{meaning}</dd>
            </div>
          ))}
        </dl>
        <label className="mt-4 flex w-fit items-center gap-2 text-13 max-md:min-h-11">
          <input
            type="checkbox"
            checked={single}
            onChange={(event) => {
              setSingle(event.target.checked);
              switchShortcuts(event.target.checked);
            }}
            className="size-4 accent-cobalt"
          />
          Single keys do something
        </label>
      </div>
    </Dialog>
  );
}
