import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { ApiError } from "../api/client";
import { typedNumber } from "./format";

export type Typed = Record<string, string>;

/** What somebody types, and which field the gateway complains about. */
export function useTyped(initial: Typed) {
  const [values, setValues] = useState(initial);
  const set = (name: string) => (value: string) => setValues((old) => ({ ...old, [name]: value }));
  return { values, set, setValues };
}

export function faultOf(error: unknown, field: string): string | null {
  return error instanceof ApiError && error.param?.split(".")[0] === field ? error.message : null;
}

/** Whether a complaint is shown at one of these fields already. */
export function isPlaced(error: unknown, fields: readonly string[]): boolean {
  return error instanceof ApiError && error.param !== null && fields.includes(error.param.split(".")[0] ?? "");
}

export function listOf(text: string): string[] {
  return [...new Set(text.split(/[,\n]/).map((each) => each.trim()))].filter(Boolean);
}

export function numberOf(text: string): number | null {
  return typedNumber(text) ?? null;
}

/** A change that makes everything that was read before stale. */
export function useChange<In, Out>(change: (input: In) => Promise<Out>, done?: (output: Out, input: In) => void) {
  const queries = useQueryClient();
  return useMutation<Out, unknown, In>({
    mutationFn: change,
    onSuccess: (output, input) => {
      void queries.invalidateQueries();
      done?.(output, input);
    },
  });
}
