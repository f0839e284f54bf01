import { describe, expect, it } from "vitest";
import { imageOf, IMAGES, refusal, schemaOf, toolsOf } from "./given";

describe("tools", () => {
  it("are taken from every format", () => {
    const bare = { name: "weather", description: "d", parameters: { type: "object", properties: {} } };
    const shapes = [[bare], bare, [{ type: "function", function: bare }], [{ type: "function", ...bare }], [{ name: "weather", description: "d", input_schema: bare.parameters }]];
    for (const shape of shapes) expect(toolsOf(JSON.stringify(shape))).toEqual({ value: [bare], wrong: null });
    expect(toolsOf('[{"name":"now"}]').value).toEqual([{ name: "now", description: "", parameters: { type: "object", properties: {} } }]);
    expect(toolsOf("  ")).toEqual({ value: [], wrong: null });
  });
  it("are refused with a reason", () => {
    expect(toolsOf("{").wrong).toBe("json");
    expect(toolsOf("[3]").wrong).toBe("tool_list");
    for (const name of ['""', '"a b"', "7", `"${"x".repeat(65)}"`]) expect(toolsOf(`[{"name":${name}}]`).wrong).toBe("tool_name");
  });
});

describe("a schema", () => {
  it("is an object, wrapped or not", () => {
    const schema = { type: "object", properties: { a: { type: "string" } } };
    for (const given of [schema, { schema }, { type: "json_schema", json_schema: { name: "x", schema } }]) expect(schemaOf(JSON.stringify(given)).value).toEqual(schema);
    expect(schemaOf("")).toEqual({ value: null, wrong: null });
    expect(schemaOf("nope").wrong).toBe("json");
    for (const given of ["[]", "3", "null"]) expect(schemaOf(given).wrong).toBe("object");
  });
});

describe("images", () => {
  it("are some, not too large, and pictures", () => {
    expect(refusal({ type: "image/png", size: 10 }, 0)).toBeNull();
    expect(refusal({ type: "image/svg+xml", size: 10 }, 0)).toBe("image_type");
    expect(refusal({ type: "image/png", size: 6_000_000 }, 0)).toBe("image_size");
    expect(refusal({ type: "image/png", size: 10 }, IMAGES)).toBe("image_count");
  });
  it("become base64 whole", async () => {
    const bytes = Uint8Array.from({ length: 70_000 }, (_, index) => index % 251);
    const made = await imageOf(new File([bytes], "a.png", { type: "image/png" }));
    expect(Buffer.from(made.base64, "base64").equals(Buffer.from(bytes))).toBe(true);
  });
});
