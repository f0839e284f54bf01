import { useState } from "react";
import { apiRoot } from "../api/client";
import { useCommon } from "../i18n/language";
import { snippet, TOOLS, type Tool } from "../lib/snippets";
import { Copy } from "./button";
import { Segments } from "./field";

/** How to call `model` with the key `value` from each tool. */
export function Snippets({ value, model }: { value: string; model: string }) {
  const t = useCommon();
  const [tool, setTool] = useState<Tool>("curl");
  const text = snippet(tool, apiRoot(), value, model);
  return (
    <div className="stack tight">
      <div className="row between">
        <Segments label={t("snippets.tool")} value={tool} options={TOOLS} onChange={setTool} />
        <Copy text={text} label={t("snippets.copy")} tiny={false}>{t("snippets.copy")}</Copy>
      </div>
      <pre className="code" data-testid="snippet">{text}</pre>
    </div>
  );
}
