import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { get } from "@/shared/api/client";
import { useText } from "@/shared/i18n/language";
import { useMay } from "@/shared/lib/session";
import { useModelNames } from "@/shared/ui/allowance";
import { ChatStep } from "./ChatStep";
import { KeyStep } from "./KeyStep";
import { messages } from "./messages";
import { ModelStep } from "./ModelStep";
import { ProviderStep, type Saved } from "./ProviderStep";

/** The first run, guided: provider, model, key, chat. Who may not do the first two begins with the third. */
export function StartPage() {
  const t = useText(messages);
  const may = useMay();
  const admin = may("model.write") && may("credential.write");
  const credentials = useQuery({
    queryKey: ["credentials"],
    enabled: admin && may("credential.read"),
    queryFn: () => get<{ credentials: { credential_name: string }[] }>()("GET /credentials"),
  });
  const models = useModelNames();
  const keys = useQuery({ queryKey: ["keys", "count"], enabled: may("key.read"), queryFn: ({ signal }) => get<{ total_count: number }>()("GET /key/list", { signal, query: { size: 1 } }) });
  const [saved, setSaved] = useState<Saved>({ credential: "", model: "" });
  const [added, setAdded] = useState("");
  const [made, setMade] = useState("");
  const stored = (credentials.data?.credentials ?? []).map((each) => each.credential_name);
  const names = (models.data ?? []).filter((name) => !name.includes("*"));
  const own = names.filter((name) => name !== "demo");
  const first = admin ? 2 : 0;
  return (
    <>
      <div className="page-head">
        <div>
          <h1>{t("nav.start")}</h1>
          <p>{t(admin ? "intro" : "intro_user")}</p>
        </div>
      </div>
      <ol className="steps">
        {admin ? <ProviderStep stored={stored} onSaved={setSaved} /> : null}
        {admin ? <ModelStep key={saved.credential} saved={saved} credentials={stored} models={own} onAdded={setAdded} /> : null}
        {may("key.create") ? <KeyStep n={first + 1} made={made} done={made !== "" || (keys.data?.total_count ?? 0) > 0} onMade={setMade} /> : null}
        <ChatStep n={first + 2} models={names} first={added} made={made} />
      </ol>
    </>
  );
}
