import { Component, type ReactNode } from "react";
import { Button } from "./Button";
import { Notice } from "./Notice";

interface Props {
  /** What could not be shown. */
  what: string;
  children: ReactNode;
}

/** Keeps a part that cannot be shown from taking the page with it: a broken record, or a script that did not load. */
export class Boundary extends Component<Props, { message: string | null }> {
  override state = { message: null };

  static getDerivedStateFromError(error: unknown): { message: string } {
    return { message: error instanceof Error ? error.message : String(error) };
  }

  override render(): ReactNode {
    const { message } = this.state;
    if (message === null) return this.props.children;
    return (
      <div className="py-4">
        <Notice tone="bad" testId="broken" title={`${this.props.what} cannot be shown.`}>
          <p>{message}</p>
          <Button className="mt-3" onClick={() => location.reload()}>
            Reload the page
          </Button>
        </Notice>
      </div>
    );
  }
}
