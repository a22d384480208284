import assert from "node:assert/strict";
import { test } from "node:test";
import { en } from "../../js/i18n/en.js";
import { zh } from "../../js/i18n/zh.js";

const CATALOGUES = /** @type {Record<string, string>[]} */ ([en, zh]);
const placeholders = (/** @type {string} */ text) => [...text.matchAll(/\{\w+\}/g)].map(String).sort();

test("both languages have the same keys, and no text is empty", () => {
  assert.deepEqual(Object.keys(en), Object.keys(zh));
  for (const catalogue of CATALOGUES) for (const text of Object.values(catalogue)) assert.notEqual(text.trim(), "");
});

test("both languages have the same blanks", () => {
  for (const [key, text] of Object.entries(en)) {
    if (!key.endsWith("_one")) assert.deepEqual(placeholders(/** @type {any} */ (zh)[key]), placeholders(text), key);
  }
});

test("Chinese is Chinese", () => {
  const left = Object.entries(zh).filter(([key, text]) => key !== "appName" && !/\p{Script=Han}/u.test(text));
  assert.deepEqual(left, [["messageBy", "{name}，{time}"]]);
});
