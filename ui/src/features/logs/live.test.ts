import { describe, expect, it } from "vitest";
import type { LogRow } from "@/shared/api/views";
import { joined } from "./live";
import { requestOf } from "./again";

const row = (request_id: string, startTime = "2026-01-01T00:00:00Z", more: Partial<LogRow> = {}) =>
  ({ request_id, startTime, call_type: "acompletion", model_group: "gpt", request_tags: [], end_user: "", session_id: null, metadata: { stream: false }, ...more }) as LogRow;

describe("live rows", () => {
  it("come before those of the page, none twice", () => {
    expect(joined([row("b"), row("a")], [row("a"), row("a", "2025-01-01T00:00:00Z")]).map((each) => each.request_id)).toEqual(["b", "a", "a"]);
    expect(joined([row("c"), row("b")], [row("a")], 2)).toHaveLength(2);
  });
});

describe("a request to send again", () => {
  it("is what was asked for, but for what was said", () => {
    const found = requestOf(row("a", undefined, { request_tags: ["it's"], end_user: "eve", session_id: "s", metadata: { stream: true } as LogRow["metadata"] }), "http://x");
    expect(found).toContain("http://x/v1/chat/completions");
    expect(found).toContain('"model": "gpt"');
    expect(found).toContain('"stream": true');
    expect(found).toContain("it'\\''s");
    expect(found).toContain('"user": "eve"');
  });
  it("knows other routes, and says where it knows none", () => {
    expect(requestOf(row("a", undefined, { call_type: "aembedding" }), "")).toContain('"input": "…"');
    expect(requestOf(row("a", undefined, { call_type: "anthropic_messages" }), "")).toContain("/v1/messages");
    expect(requestOf(row("a", undefined, { call_type: "correction" }), "")).toBeNull();
  });
});
