import { useState, type ButtonHTMLAttributes, type ReactNode } from "react";
import { useCommon } from "../i18n/language";
import { Icon, type IconName } from "./icons";

interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  look?: "primary" | "danger" | "quiet" | "quiet danger" | undefined;
  icon?: IconName;
  tiny?: boolean;
  children?: ReactNode;
}

export function Button({ look, icon, tiny, children, className, ...rest }: ButtonProps) {
  const names = ["button", look, tiny && "tiny", children === undefined && "icon-only", className].filter(Boolean).join(" ");
  return (
    <button type="button" {...rest} className={names}>
      {icon ? <Icon name={icon} /> : null}
      {children}
    </button>
  );
}

/** Copies `text`; says so to eye and ear. */
export function Copy({ text, label, tiny = true, onCopied, children }: { text: string; label?: string; tiny?: boolean; onCopied?: () => void; children?: ReactNode }) {
  const t = useCommon();
  const [copied, setCopied] = useState(false);
  const copy = () => {
    void navigator.clipboard.writeText(text).then(() => {
      setCopied(true);
      onCopied?.();
      window.setTimeout(() => setCopied(false), 1500);
    });
  };
  const name = copied ? t("do.copied") : (label ?? t("do.copy"));
  return (
    <Button
      look={tiny ? "quiet" : undefined}
      tiny={tiny}
      icon={copied ? "check" : "copy"}
      aria-label={name}
      title={name}
      onClick={(event) => {
        event.stopPropagation();
        copy();
      }}
    >
      {children === undefined ? undefined : copied ? t("do.copied") : children}
    </Button>
  );
}
