// What somebody gives along as text: tools, a schema, images.
import { table, text } from "@/shared/lib/llm/read";
import type { Image, Tool } from "@/shared/lib/llm/types";

export type Wrong = "json" | "tool_list" | "tool_name" | "object";
/** Nothing (`undefined`) is never wrong. */
export type Given<T> = { value: T; wrong: null } | { value: null; wrong: Wrong };

const NAME = /^[A-Za-z0-9_.-]{1,64}$/;

function parsed(given: string): { value: unknown } | null {
  try {
    return { value: JSON.parse(given) as unknown };
  } catch {
    return null;
  }
}

/** Tools as any of the four formats has them, so that they can be pasted from anywhere. */
export function toolsOf(given: string): Given<Tool[]> {
  if (!given.trim()) return { value: [], wrong: null };
  const found = parsed(given);
  if (!found) return { value: null, wrong: "json" };
  const all = Array.isArray(found.value) ? found.value : [found.value];
  const tools: Tool[] = [];
  for (const each of all) {
    if (typeof each !== "object" || each === null || Array.isArray(each)) return { value: null, wrong: "tool_list" };
    const outer = table(each);
    const one = outer["function"] === undefined ? outer : table(outer["function"]);
    if (!NAME.test(text(one["name"]))) return { value: null, wrong: "tool_name" };
    const parameters = table(one["parameters"] ?? one["input_schema"] ?? one["parametersJsonSchema"]);
    tools.push({ name: text(one["name"]), description: text(one["description"]), parameters: "type" in parameters ? parameters : { type: "object", properties: {}, ...parameters } });
  }
  return { value: tools, wrong: null };
}

/** A JSON Schema, also as `response_format` wraps it. */
export function schemaOf(given: string): Given<Record<string, unknown> | null> {
  if (!given.trim()) return { value: null, wrong: null };
  const found = parsed(given);
  if (!found) return { value: null, wrong: "json" };
  if (typeof found.value !== "object" || found.value === null || Array.isArray(found.value)) return { value: null, wrong: "object" };
  const outer = table(found.value);
  const wrapped = table(outer["json_schema"])["schema"] ?? outer["schema"];
  return { value: typeof wrapped === "object" && wrapped !== null ? table(wrapped) : outer, wrong: null };
}

export const IMAGES = 6;
export const IMAGE_BYTES = 5_000_000;
const MIMES = new Set(["image/png", "image/jpeg", "image/webp", "image/gif"]);

export type BadImage = "image_type" | "image_size" | "image_count";

/** Why a file cannot go along. */
export function refusal(file: { type: string; size: number }, already: number): BadImage | null {
  if (already >= IMAGES) return "image_count";
  if (!MIMES.has(file.type)) return "image_type";
  return file.size > IMAGE_BYTES ? "image_size" : null;
}

export async function imageOf(file: File): Promise<Image> {
  const bytes = new Uint8Array(await file.arrayBuffer());
  let binary = "";
  for (let at = 0; at < bytes.length; at += 0x8000) binary += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return { name: file.name, mime: file.type, base64: btoa(binary) };
}
