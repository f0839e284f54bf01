import { useEffect, useId, useRef, type FormEvent, type ReactNode } from "react";
import { useCommon } from "../i18n/language";
import { Button } from "./button";
import { opened } from "./topmost";

interface DialogProps {
  title: ReactNode;
  onClose: () => void;
  kind?: "modal" | "modal narrow" | "drawer";
  children: ReactNode;
  foot?: ReactNode;
  actions?: ReactNode;
  onSubmit?: () => void;
}

/** A modal dialog or drawer. The browser's own: it keeps the focus inside, closes on Escape and gives the focus back. */
export function Dialog({ title, onClose, kind = "modal", children, foot, actions, onSubmit }: DialogProps) {
  const t = useCommon();
  const element = useRef<HTMLDialogElement>(null);
  const name = useId();
  useEffect(() => {
    const dialog = element.current;
    if (!dialog) return;
    if (!dialog.open) dialog.showModal();
    const gone = opened(dialog);
    return () => {
      gone();
      dialog.close();
    };
  }, []);
  const inner = (
    <>
      <div className="dialog-head">
        <h2 id={name} className="grow wrap">
          {title}
        </h2>
        {actions}
        <Button look="quiet" icon="close" aria-label={t("do.close")} onClick={onClose} />
      </div>
      <div className="dialog-body">{children}</div>
      {foot ? <div className="dialog-foot">{foot}</div> : null}
    </>
  );
  const submit = (event: FormEvent) => {
    event.preventDefault();
    event.stopPropagation();
    onSubmit?.();
  };
  return (
    <dialog
      ref={element}
      className={kind}
      aria-labelledby={name}
      onCancel={(event) => {
        if (event.target !== element.current) return;
        event.preventDefault();
        onClose();
      }}
      onClose={(event) => {
        // A second Escape closes it without asking: whether it goes is for its owner to say.
        if (event.target !== element.current || element.current.open) return;
        element.current.showModal();
        onClose();
      }}
    >
      {onSubmit ? (
        <form onSubmit={submit} noValidate>
          {inner}
        </form>
      ) : (
        inner
      )}
    </dialog>
  );
}

interface ConfirmProps {
  title: string;
  text: ReactNode;
  action: string;
  busy?: boolean;
  fault?: ReactNode;
  onConfirm: () => void;
  onClose: () => void;
}

export function Confirm({ title, text, action, busy, fault, onConfirm, onClose }: ConfirmProps) {
  const t = useCommon();
  return (
    <Dialog
      kind="modal narrow"
      title={title}
      onClose={onClose}
      onSubmit={onConfirm}
      foot={
        <>
          <Button onClick={onClose}>{t("do.cancel")}</Button>
          <Button type="submit" look="danger" disabled={busy}>
            {action}
          </Button>
        </>
      }
    >
      <p>{text}</p>
      {fault}
    </Dialog>
  );
}
