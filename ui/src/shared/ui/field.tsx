import { useId, type HTMLInputTypeAttribute, type ReactNode } from "react";

interface FieldProps {
  label: string;
  hint?: ReactNode;
  fault?: string | null | undefined;
  children: (ids: { id: string; "aria-describedby": string | undefined; "aria-invalid": boolean }) => ReactNode;
}

export function Field({ label, hint, fault, children }: FieldProps) {
  const id = useId();
  const described = fault ? `${id}-f` : hint ? `${id}-h` : undefined;
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children({ id, "aria-describedby": described, "aria-invalid": Boolean(fault) })}
      {fault ? (
        <span className="fault" id={`${id}-f`}>
          {fault}
        </span>
      ) : hint ? (
        <span className="hint" id={`${id}-h`}>
          {hint}
        </span>
      ) : null}
    </div>
  );
}

interface TextProps {
  label: string;
  value: string;
  onChange: (value: string) => void;
  hint?: ReactNode;
  fault?: string | null | undefined;
  type?: HTMLInputTypeAttribute;
  placeholder?: string | undefined;
  autoFocus?: boolean;
  autoComplete?: string;
  list?: readonly string[];
  required?: boolean;
  disabled?: boolean;
  inputMode?: "decimal";
}

/** A line of text. `list` offers values without confining to them. */
export function TextField({ label, hint, fault, onChange, list, ...rest }: TextProps) {
  const listId = useId();
  return (
    <Field label={label} hint={hint} fault={fault}>
      {(ids) => (
        <>
          <input
            className="input"
            {...ids}
            {...rest}
            maxLength={20_000}
            autoComplete={rest.autoComplete ?? "off"}
            list={list ? listId : undefined}
            onChange={(event) => onChange(event.target.value)}
          />
          {list ? (
            <datalist id={listId}>
              {list.map((each) => (
                <option key={each} value={each} />
              ))}
            </datalist>
          ) : null}
        </>
      )}
    </Field>
  );
}

interface SelectProps<T extends string> {
  label: string;
  value: T;
  options: readonly (readonly [T, string])[];
  onChange: (value: T) => void;
  hint?: ReactNode;
  fault?: string | null | undefined;
}

export function SelectField<T extends string>({ label, value, options, onChange, hint, fault }: SelectProps<T>) {
  return (
    <Field label={label} hint={hint} fault={fault}>
      {(ids) => (
        <select className="select" {...ids} value={value} onChange={(event) => onChange(event.target.value as T)}>
          {options.map(([each, text]) => (
            <option key={each} value={each}>
              {text}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

interface SegmentsProps<T extends string> {
  label: string;
  value: T;
  options: readonly (readonly [T, string])[];
  onChange: (value: T) => void;
}

export function Segments<T extends string>({ label, value, options, onChange }: SegmentsProps<T>) {
  return (
    <div className="segments" role="group" aria-label={label}>
      {options.map(([each, text]) => (
        <button key={each} type="button" aria-pressed={each === value} onClick={() => onChange(each)}>
          {text}
        </button>
      ))}
    </div>
  );
}
