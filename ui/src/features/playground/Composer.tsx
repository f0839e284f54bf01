import { useRef, useState, type ClipboardEvent, type ReactNode } from "react";
import { useText } from "@/shared/i18n/language";
import type { Image } from "@/shared/lib/llm/types";
import { Button } from "@/shared/ui/button";
import { Field } from "@/shared/ui/field";
import { imageOf, refusal, type BadImage } from "./given";
import { messages } from "./messages";

interface ComposerProps {
  prompt: string;
  images: readonly Image[];
  ready: boolean;
  onPrompt: (text: string) => void;
  onImages: (images: readonly Image[]) => void;
  onSend: () => void;
  children: ReactNode;
}

/** Where a message is written, with images from a file or the clipboard. */
export function Composer({ prompt, images, ready, onPrompt, onImages, onSend, children }: ComposerProps) {
  const t = useText(messages);
  const [bad, setBad] = useState<{ why: BadImage; name: string } | null>(null);
  const chooser = useRef<HTMLInputElement>(null);
  const take = async (files: readonly File[]) => {
    setBad(null);
    const taken: Image[] = [...images];
    for (const file of files) {
      const why = refusal(file, taken.length);
      if (why) setBad({ why, name: file.name });
      else taken.push(await imageOf(file));
    }
    onImages(taken);
  };
  const paste = (event: ClipboardEvent) => {
    const files = [...event.clipboardData.files];
    if (files.length === 0) return;
    event.preventDefault();
    void take(files);
  };
  return (
    <form className="card padded stack tight" onSubmit={(event) => { event.preventDefault(); onSend(); }}>
      <Field label={t("prompt")} hint={t("prompt_hint")} fault={bad ? t(bad.why, { name: bad.name }) : null}>
        {(ids) => (
          <textarea className="input" {...ids} value={prompt} maxLength={500_000} onPaste={paste} onChange={(event) => onPrompt(event.target.value)} onKeyDown={(event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); onSend(); } }} />
        )}
      </Field>
      {images.length > 0 ? (
        <div className="row tight" role="list" aria-label={t("images")}>
          {images.map((each, index) => (
            <span key={index} role="listitem" className="badge plain">
              <span className="cut">{each.name}</span>
              <Button tiny look="quiet" icon="close" aria-label={t("image_remove", { name: each.name })} onClick={() => onImages(images.filter((_, at) => at !== index))} />
            </span>
          ))}
        </div>
      ) : null}
      <input ref={chooser} type="file" multiple hidden accept="image/png,image/jpeg,image/webp,image/gif" aria-label={t("image_add")} onChange={(event) => { void take([...(event.target.files ?? [])]); event.target.value = ""; }} />
      <div className="row">
        <Button type="submit" look="primary" disabled={!ready}>{t("send")}</Button>
        <Button icon="file" onClick={() => chooser.current?.click()}>{t("image_add")}</Button>
        {children}
      </div>
    </form>
  );
}
