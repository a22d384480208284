import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const read = (/** @type {string} */ name) =>
  readFileSync(new URL(`../../${name}`, import.meta.url), "utf8");

test("every icon has a name among the types", () => {
  const [, union] = read("js/types.d.ts").split("type IconName =");
  const names = [...union.split(";")[0].matchAll(/"(\w+)"/g)].map(([, name]) => name);
  const symbols = [...read("icons.svg").matchAll(/symbol id="(\w+)"/g)].map(([, name]) => name);
  assert.deepEqual(names, symbols);
});
