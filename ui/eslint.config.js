import importX from "eslint-plugin-import-x";
import a11y from "eslint-plugin-jsx-a11y";
import hooks from "eslint-plugin-react-hooks";
import tseslint from "typescript-eslint";

const features = ["audit", "entities", "keys", "logs", "models", "overview", "playground", "session", "settings", "usage"];

// Imports point one way: shared -> features -> app. Features meet in app only, but for those listed.
const zones = [
  { target: "./src/shared", from: ["./src/features", "./src/app"], message: "shared knows neither features nor app" },
  { target: "./src/features", from: "./src/app", message: "features do not know app" },
  ...features.map((name) => ({
    target: `./src/features/${name}`,
    from: "./src/features",
    except: [`./${name}`],
    message: "features do not import each other",
  })),
];

export default tseslint.config(
  { ignores: ["node_modules", "src/shared/api/schema.gen.d.ts"] },
  ...tseslint.configs.strict,
  a11y.flatConfigs.recommended,
  hooks.configs.flat["recommended-latest"],
  {
    files: ["src/**/*.{ts,tsx}"],
    plugins: { "import-x": importX },
    settings: { "import-x/resolver": { typescript: true } },
    rules: {
      "import-x/no-restricted-paths": ["error", { zones }],
      "import-x/no-cycle": "error",
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
