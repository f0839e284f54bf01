import { useEffect, useRef, useState } from "react";

/** Says what was typed when the typing pauses. */
export function SearchBox({ label, value, onChange }: { label: string; value: string; onChange: (value: string) => void }) {
  const [text, setText] = useState(value);
  const [known, setKnown] = useState(value);
  const change = useRef(onChange);
  useEffect(() => {
    change.current = onChange;
  }, [onChange]);
  if (known !== value) {
    setKnown(value);
    setText(value);
  }
  useEffect(() => {
    if (text === value) return;
    const timer = window.setTimeout(() => change.current(text.trim()), 250);
    return () => window.clearTimeout(timer);
  }, [text, value]);
  return <input type="search" className="input search" aria-label={label} placeholder={label} maxLength={200} value={text} onChange={(event) => setText(event.target.value)} />;
}
