// A conversation, whatever format it is sent in.

export interface Image {
  name: string;
  mime: string;
  base64: string;
}

/** What a model wants to have called. `args` is JSON as the model wrote it; `extra` goes back as it came. */
export interface Call {
  id: string;
  name: string;
  args: string;
  extra?: Readonly<Record<string, unknown>>;
}

export interface Result {
  id: string;
  name: string;
  text: string;
}

export type Turn =
  | { role: "user"; text: string; images: readonly Image[] }
  | { role: "assistant"; text: string; calls: readonly Call[] }
  | { role: "tool"; results: readonly Result[] };

export interface Tool {
  name: string;
  description: string;
  parameters: Record<string, unknown>;
}

export interface Wish {
  key: string;
  model: string;
  system: string;
  turns: readonly Turn[];
  temperature: number | null;
  maxTokens: number | null;
  tools: readonly Tool[];
  /** JSON Schema that the answer has to follow. */
  schema: Record<string, unknown> | null;
}

export interface Usage {
  input: number;
  output: number;
}

/** What a stream says, piece by piece. */
export interface Heard {
  text: (piece: string) => void;
  /** A call begins or grows; pieces of one call have the same `slot`. */
  call: (slot: string, piece: Partial<Omit<Call, "args">> & { args?: string }) => void;
  usage: (usage: Partial<Usage>) => void;
}

export type Json = Record<string, unknown>;

export interface Format {
  path: (wish: Wish) => string;
  headers: (wish: Wish) => Record<string, string>;
  body: (wish: Wish) => Json;
  /** One event's data. Throws ApiError for one that reports a failure. */
  hear: (event: Json, heard: Heard) => void;
}
