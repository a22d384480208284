/** The texts of the page in the user's language. */

import { WORDS } from "./words.js";

/** @typedef {keyof typeof WORDS} Key */
/** @typedef {"en" | "zh"} Language */

const CHOSEN = "ims.language";
/** @type {Record<string, string[]>} */
const words = WORDS;

/** @type {Language} */
export let language = firstLanguage();

/** @returns {Language} */
function firstLanguage() {
  const chosen = localStorage.getItem(CHOSEN) ?? navigator.language;
  return chosen.toLowerCase().startsWith("zh") ? "zh" : "en";
}

/** @param {Language} wanted */
export function setLanguage(wanted) {
  language = wanted;
  localStorage.setItem(CHOSEN, wanted);
  document.documentElement.lang = locale();
}

export const locale = () => (language === "zh" ? "zh-CN" : "en");

/**
 * The text of a key. `{name}` is replaced; with `n` of 1, `<key>_one` is used where there is one.
 * @type {(key: Key, values?: Record<string, string | number>) => string}
 */
export function t(key, values = {}) {
  const texts = (values.n === 1 && words[`${key}_one`]) || words[key];
  const template = texts[language === "en" ? 0 : 1];
  return template.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}
