/** The texts of the page in the language of the user, from `words/`. */

/** @typedef {keyof typeof import("../words/en.json")} Key */
/** @typedef {"en" | "zh"} Language */

const CHOSEN = "ims.language";
/** @type {Record<string, string>} */
let words = {};

/** @type {Language} */
export let language = /^zh/i.test(localStorage.getItem(CHOSEN) ?? navigator.language) ? "zh" : "en";

/** Load the texts of a language, and use it from now on. @param {Language} wanted */
export async function setLanguage(wanted) {
  const response = await fetch(`/web/words/${wanted}.json`);
  if (!response.ok) throw new Error(`no texts: ${response.status}`);
  words = await response.json();
  language = wanted;
  localStorage.setItem(CHOSEN, wanted);
  document.documentElement.lang = locale();
}

export const locale = () => (language === "zh" ? "zh-CN" : "en");

/** @type {(text: string) => text is Key} */
export const isKey = (text) => Object.hasOwn(words, text);

/**
 * The text of a key. `{name}` is replaced; with `n` of 1, `<key>_one` is used if it exists.
 * @type {(key: Key, values?: Record<string, string | number>) => string}
 */
export function t(key, values = {}) {
  const template = (values.n === 1 && words[`${key}_one`]) || words[key];
  return template.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}
