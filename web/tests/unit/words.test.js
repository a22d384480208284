import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const read = (/** @type {string} */ language) =>
  /** @type {Record<string, string>} */ (
    JSON.parse(readFileSync(new URL(`../../words/${language}.json`, import.meta.url), "utf8"))
  );
const english = read("en");
const chinese = read("zh");
const blanks = (/** @type {string} */ text) => [...text.matchAll(/\{\w+\}/g)].map(String).sort();

test("every text is there in both languages", () => {
  const keys = Object.keys(english).filter((key) => !key.endsWith("_one"));
  assert.deepEqual(Object.keys(chinese), keys);
  for (const text of [...Object.values(english), ...Object.values(chinese)]) {
    assert.notEqual(text.trim(), "");
  }
});

test("both languages have the same blanks", () => {
  for (const [key, text] of Object.entries(chinese)) {
    assert.deepEqual(blanks(text), blanks(english[key]), key);
  }
});

test("Chinese is Chinese", () => {
  const left = Object.entries(chinese).filter(([, text]) => !/\p{Script=Han}/u.test(text));
  assert.deepEqual(left.map(([key]) => key), ["appName", "messageBy"]);
});
