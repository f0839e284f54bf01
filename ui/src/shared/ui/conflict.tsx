import { useCommon } from "../i18n/language";
import { Button } from "./button";
import { Dialog } from "./dialog";

interface ConflictProps {
  mine: Record<string, unknown>;
  theirs: Record<string, unknown>;
  labels: Record<string, string>;
  onOverwrite: () => void;
  onDiscard: () => void;
  onClose: () => void;
}

export function shown(value: unknown): string {
  if (value === null || value === undefined || value === "") return "–";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** Two people have changed the same thing: both versions of what differs, and the choice. */
export function Conflict({ mine, theirs, labels, onOverwrite, onDiscard, onClose }: ConflictProps) {
  const t = useCommon();
  return (
    <Dialog
      title={t("conflict.title")}
      onClose={onClose}
      foot={
        <>
          <Button onClick={onDiscard}>{t("conflict.discard")}</Button>
          <Button look="primary" onClick={onOverwrite}>
            {t("conflict.overwrite")}
          </Button>
        </>
      }
    >
      <p>{t("error.conflict")}. {t("error.conflict_hint")}</p>
      <table className="data">
        <thead>
          <tr>
            <td />
            <th scope="col">{t("conflict.yours")}</th>
            <th scope="col">{t("conflict.theirs")}</th>
          </tr>
        </thead>
        <tbody>
          {Object.keys(mine).map((name) => (
            <tr key={name}>
              <th scope="row">{labels[name] ?? name}</th>
              <td className="wrap">{shown(mine[name])}</td>
              <td className="wrap">{shown(theirs[name])}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Dialog>
  );
}
