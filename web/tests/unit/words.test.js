import assert from "node:assert/strict";
import { test } from "node:test";
import { WORDS } from "../../js/words.js";

const blanks = (/** @type {string} */ text) => [...text.matchAll(/\{\w+\}/g)].map(String).sort();

test("every text is there in both languages", () => {
  for (const [key, texts] of Object.entries(WORDS)) {
    assert.equal(texts.length, 2, key);
    for (const text of texts) assert.notEqual(text.trim(), "", key);
  }
});

test("both languages have the same blanks", () => {
  for (const [key, [english, chinese]] of Object.entries(WORDS)) {
    if (!key.endsWith("_one")) assert.deepEqual(blanks(chinese), blanks(english), key);
  }
});

test("Chinese is Chinese", () => {
  const left = Object.entries(WORDS).filter(([, [, text]]) => !/\p{Script=Han}/u.test(text));
  assert.deepEqual(left.map(([key]) => key), ["appName", "messageBy"]);
});
