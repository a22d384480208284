/** Pictures of people and groups, and initials where there is none. */

import { h } from "../dom.js";
import { change, state } from "../store.js";

const TONES = 8;
/** @type {Set<string>} Pictures that did not load. */
const broken = new Set();
/** How many pictures did not load: what was described with one of them is described anew. */
export const brokenCount = () => broken.size;
const graphemes = new Intl.Segmenter();

/** The class of a person's own colour. @param {number} id */
export const tone = (id) => `tone-${id % TONES}`;

/**
 * Whether a picture belongs to this installation; what a stranger names elsewhere would tell
 * them who looks at it.
 * @param {string} url
 */
export function isOwnUrl(url) {
  if (/^data:image\/(png|jpeg|gif|webp);/.test(url) || url.startsWith("blob:")) return true;
  if (!URL.canParse(url)) return false;
  const base = state.config.public_base;
  return new URL(url).origin === location.origin || (base !== "" && url.startsWith(`${base}/`));
}

/** @param {string} name */
function initials(name) {
  const words = name.replace(/[\p{C}\p{Z}]+/gu, " ").trim().split(" ");
  const isLatin = words.length > 1 && /^\p{Script=Latin}/u.test(words[0]);
  const chosen = isLatin ? [words[0], words[words.length - 1]] : [words[0]];
  const text = chosen.map((word) => [...graphemes.segment(word)][0]?.segment ?? "").join("");
  return text.toUpperCase() || "?";
}

/**
 * Decorative: the name always stands beside it. `size`: `small`, `large` or `huge`.
 * @type {(of: {id?: number, name: string, avatar?: string}, size?: string) => VElement}
 */
export function avatar({ id = 0, name, avatar: url = "" }, size) {
  const onError = () => {
    broken.add(url);
    change();
  };
  const hasPicture = url !== "" && !broken.has(url) && isOwnUrl(url);
  return h("span.avatar", { class: [size, tone(id)], "aria-hidden": "true" },
    hasPicture
      ? h("img", { key: url, src: url, alt: "", loading: "lazy", decoding: "async", onError })
      : initials(name),
  );
}
