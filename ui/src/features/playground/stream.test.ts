import { describe, expect, it } from "vitest";
import { events } from "./stream";

describe("events", () => {
  it("come whole, however the stream is cut", () => {
    const whole = 'data: {"a":1}\n\n: comment\n\ndata: {"b":\r\ndata: 2}\r\n\r\ndata: [DONE]\n\n';
    for (let at = 0; at <= whole.length; at += 1) {
      const first = events(whole.slice(0, at));
      const second = events(first.rest + whole.slice(at));
      expect([...first.data, ...second.data]).toEqual(['{"a":1}', '{"b":\n2}', "[DONE]"]);
      expect(second.rest).toBe("");
    }
  });
});
