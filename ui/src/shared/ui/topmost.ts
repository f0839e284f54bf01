import { useSyncExternalStore } from "react";

// While a modal dialog is open, everything outside it is out of reach; what must stay in reach moves into the topmost one.
let open: readonly HTMLElement[] = [];
const listeners = new Set<() => void>();

function put(next: readonly HTMLElement[]): void {
  open = next;
  listeners.forEach((each) => each());
}

export function opened(dialog: HTMLElement): () => void {
  put([...open, dialog]);
  return () => put(open.filter((each) => each !== dialog));
}

/** The dialog on top, or `null`. */
export function useTopmost(): HTMLElement | null {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => open.at(-1) ?? null,
  );
}
