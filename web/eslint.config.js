import js from "@eslint/js";
import globals from "globals";

const UNSAFE = ["innerHTML", "outerHTML", "insertAdjacentHTML", "srcdoc"];

export default [
  js.configs.recommended,
  {
    files: ["js/**/*.js", "tests/unit/*.js"],
    languageOptions: { ecmaVersion: 2024, sourceType: "module", globals: globals.browser },
    rules: {
      eqeqeq: "error",
      "max-len": ["error", { code: 100 }],
      "no-console": "error",
      "no-eval": "error",
      "no-implied-eval": "error",
      "no-var": "error",
      "prefer-const": "error",
      "no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      "no-restricted-properties": [
        "error",
        ...UNSAFE.map((property) => ({ property, message: "Text is text: use h()." })),
        { object: "document", property: "write" },
      ],
    },
  },
];
