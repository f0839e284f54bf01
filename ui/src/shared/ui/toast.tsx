import { useEffect, useSyncExternalStore } from "react";
import { createPortal } from "react-dom";
import { useCommon } from "../i18n/language";
import { Button } from "./button";
import { useTopmost } from "./topmost";

interface Toast {
  id: number;
  text: string;
  bad?: boolean;
  undo?: () => void;
}

let toasts: readonly Toast[] = [];
let last = 0;
const listeners = new Set<() => void>();

function put(next: readonly Toast[]): void {
  toasts = next;
  listeners.forEach((each) => each());
}

/** Say something for a while; with `undo` somewhat longer. */
export function toast(text: string, options: { bad?: boolean; undo?: () => void } = {}): void {
  last += 1;
  put([...toasts.slice(-3), { id: last, text, ...options }]);
}

function One({ item }: { item: Toast }) {
  const t = useCommon();
  const close = () => put(toasts.filter((each) => each.id !== item.id));
  useEffect(() => {
    const timer = window.setTimeout(() => put(toasts.filter((each) => each.id !== item.id)), item.undo ? 10_000 : 5000);
    return () => window.clearTimeout(timer);
  }, [item]);
  return (
    <div className={item.bad ? "toast bad" : "toast"}>
      <span className="grow wrap">{item.text}</span>
      {item.undo ? (
        <Button
          tiny
          onClick={() => {
            item.undo?.();
            close();
          }}
        >
          {t("do.undo")}
        </Button>
      ) : null}
      <Button tiny look="quiet" icon="close" aria-label={t("do.close")} onClick={close} />
    </div>
  );
}

export function Toasts() {
  const items = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => toasts,
  );
  const top = useTopmost();
  return createPortal(
    <div className="toasts" role="status" aria-live="polite">
      {items.map((item) => (
        <One key={item.id} item={item} />
      ))}
    </div>,
    top ?? document.body,
  );
}
