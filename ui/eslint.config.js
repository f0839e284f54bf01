import { readdirSync } from "node:fs";
import a11y from "eslint-plugin-jsx-a11y";
import hooks from "eslint-plugin-react-hooks";
import tseslint from "typescript-eslint";

// Imports point one way: shared -> features -> app; features meet in app only.
const wall = (files, group, message) => ({
  files,
  rules: { "no-restricted-imports": ["error", { patterns: [{ group, message }] }] },
});
const features = readdirSync(new URL("./src/features", import.meta.url));

export default tseslint.config(
  { ignores: ["node_modules", "src/shared/api/schema.gen.d.ts"] },
  ...tseslint.configs.strict,
  a11y.flatConfigs.recommended,
  hooks.configs.flat["recommended-latest"],
  wall(["src/shared/**"], ["@/features/*", "@/app/*", "**/features/**", "**/app/**"], "shared knows neither features nor app"),
  ...features.map((name) =>
    wall([`src/features/${name}/**`], ["@/app/*", "**/app/**", "@/features/**", "../*/**", "../../*"], "features know shared and themselves"),
  ),
  {
    files: ["src/**/*.{ts,tsx}"],
    rules: {
      "no-console": "error",
      "no-restricted-syntax": [
        "error",
        { selector: "JSXAttribute[name.name='dangerouslySetInnerHTML']", message: "text stays text" },
        { selector: "MemberExpression[property.name=/^(innerHTML|outerHTML|insertAdjacentHTML)$/]", message: "text stays text" },
      ],
      "max-lines": ["error", 420],
      "jsx-a11y/no-autofocus": "off",
    },
  },
);
