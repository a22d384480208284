/** Avatars of users and groups, or their initials. */

import { h } from "../dom.js";
import { change, state } from "../store.js";

const TONES = 8;
/** @type {Set<string>} The URLs of avatars that did not load. */
const broken = new Set();
/** The number of avatars that did not load: a key that renders their elements again. */
export const brokenCount = () => broken.size;
const graphemes = new Intl.Segmenter();

/** The class of a user's colour. @param {number} id */
export const tone = (id) => `tone-${id % TONES}`;

/**
 * Whether an avatar is from this installation; a foreign URL would reveal its viewers.
 * @param {string} url
 */
export function isOwnUrl(url) {
  if (/^data:image\/(png|jpeg|gif|webp);/.test(url) || url.startsWith("blob:")) return true;
  if (!URL.canParse(url)) return false;
  const base = state.config.public_base;
  return new URL(url).origin === location.origin || (base !== "" && url.startsWith(`${base}/`));
}

function initials(/** @type {string} */ name) {
  const words = name.replace(/[\p{C}\p{Z}]+/gu, " ").trim().split(" ");
  const isLatin = words.length > 1 && /^\p{Script=Latin}/u.test(words[0]);
  const chosen = isLatin ? [words[0], words[words.length - 1]] : [words[0]];
  const text = chosen.map((word) => [...graphemes.segment(word)][0]?.segment ?? "").join("");
  return text.toUpperCase() || "?";
}

/**
 * Decorative: the name is always beside it. `size`: `small`, `large` or `huge`.
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
