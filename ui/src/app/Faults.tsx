import { Link } from "@tanstack/react-router";
import { useCommon } from "@/shared/i18n/language";
import { Button } from "@/shared/ui/button";
import { Empty } from "@/shared/ui/states";

export function NotFound() {
  const t = useCommon();
  return (
    <main className="gate">
      <Empty icon="ghost" title={t("error.missing")} text={t("error.missing_hint")}>
        <Link className="button" to="/">
          {t("nav.overview")}
        </Link>
      </Empty>
    </main>
  );
}

/** A page that cannot be shown; most often the gateway was updated while its old pages were open. */
export function PageFault() {
  const t = useCommon();
  return (
    <Empty icon="warn" title={t("error.defect")} text={t("error.defect_hint")}>
      <Button icon="refresh" onClick={() => window.location.reload()}>
        {t("do.retry")}
      </Button>
    </Empty>
  );
}
