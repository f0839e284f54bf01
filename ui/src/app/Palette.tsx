import { useNavigate } from "@tanstack/react-router";
import { useId, useRef, useState, type KeyboardEvent } from "react";
import { useCommon } from "@/shared/i18n/language";
import { useSession } from "@/shared/lib/session";
import { Dialog } from "@/shared/ui/dialog";
import { Icon, type IconName } from "@/shared/ui/icons";
import { setTheme, useTheme } from "@/shared/ui/theme";
import { useLanguage } from "@/shared/i18n/language";
import { groupsFor } from "./nav";

interface Command {
  name: string;
  icon: IconName;
  run: () => void;
}

/** Everything that can be gone to or done, by its first letters. */
export function Palette({ onClose }: { onClose: () => void }) {
  const t = useCommon();
  const who = useSession();
  const navigate = useNavigate();
  const { language, change } = useLanguage();
  const theme = useTheme();
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const list = useId();
  const box = useRef<HTMLDivElement>(null);
  const commands: Command[] = [
    ...groupsFor(who.actions).flatMap((group) =>
      group.places.map((place) => ({ name: t("palette.go", { name: t(place.name) }), icon: place.icon, run: () => void navigate({ to: place.to }) })),
    ),
    { name: t("theme.switch"), icon: theme === "dark" ? "sun" : "moon", run: () => setTheme(theme === "dark" ? "light" : "dark") },
    { name: t("language.switch"), icon: "settings", run: () => change(language === "en" ? "de" : "en") },
  ];
  const words = text.toLowerCase().split(/\s+/);
  const found = commands.filter((each) => words.every((word) => each.name.toLowerCase().includes(word)));
  const chosen = Math.min(at, found.length - 1);
  const run = (command: Command | undefined) => {
    if (!command) return;
    onClose();
    command.run();
  };
  const onKey = (event: KeyboardEvent) => {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step !== 0 && found.length > 0) {
      event.preventDefault();
      const next = (chosen + step + found.length) % found.length;
      setAt(next);
      box.current?.children[next]?.scrollIntoView({ block: "nearest" });
    } else if (event.key === "Enter") {
      event.preventDefault();
      run(found[chosen]);
    }
  };
  return (
    <Dialog title={t("nav.search")} onClose={onClose}>
      <input
        className="input"
        autoFocus
        role="combobox"
        aria-expanded="true"
        aria-controls={list}
        aria-activedescendant={found.length > 0 ? `${list}-${chosen}` : undefined}
        aria-label={t("nav.search")}
        placeholder={t("palette.placeholder")}
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          setAt(0);
        }}
        onKeyDown={onKey}
      />
      {found.length === 0 ? <p className="muted">{t("palette.none")}</p> : null}
      <div id={list} ref={box} className="palette-list" role="listbox" aria-label={t("nav.search")}>
        {found.map((each, index) => (
          // The keyboard runs commands from the box above.
          // eslint-disable-next-line jsx-a11y/click-events-have-key-events
          <div key={each.name} id={`${list}-${index}`} role="option" tabIndex={-1} aria-selected={index === chosen} onClick={() => run(each)}>
            <Icon name={each.icon} />
            {each.name}
          </div>
        ))}
      </div>
    </Dialog>
  );
}
