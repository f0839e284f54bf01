import { useState } from "react";
import type { NewKey } from "@/shared/api/views";
import { useText } from "@/shared/i18n/language";
import { useModelNames } from "@/shared/ui/allowance";
import { Button, Copy } from "@/shared/ui/button";
import { Dialog } from "@/shared/ui/dialog";
import { Icon } from "@/shared/ui/icons";
import { Snippets } from "@/shared/ui/snippets";
import { messages } from "./messages";

/** The one time a key can be read: it goes when it was copied, or somebody says so. */
export function Reveal({ created, onClose }: { created: NewKey; onClose: () => void }) {
  const t = useText(messages);
  const models = useModelNames();
  const [copied, setCopied] = useState(false);
  const [warned, setWarned] = useState(false);
  const usable = created.models.length > 0 ? created.models : (models.data ?? []);
  const model = usable.find((name) => !name.includes("*")) ?? "gpt";
  const missing = warned && !copied;
  return (
    <Dialog
      title={t("reveal_title")}
      onClose={() => (copied ? onClose() : setWarned(true))}
      foot={
        <Button look="primary" onClick={onClose}>
          {t("reveal_done")}
        </Button>
      }
    >
      <div className={missing ? "notice bad" : "notice warn"} role={missing ? "alert" : undefined}>
        <Icon name="warn" />
        {t(missing ? "reveal_first" : "reveal_text")}
      </div>
      <pre className="code" data-testid="new-key">
        {created.key}
      </pre>
      <div className="row">
        <Copy text={created.key} tiny={false} label={t("reveal_copy")} onCopied={() => setCopied(true)}>
          {t("reveal_copy")}
        </Copy>
      </div>
      <h3>{t("reveal_try")}</h3>
      <Snippets value={created.key} model={model} />
    </Dialog>
  );
}
