/** The route: the address after `#/`. */

import { change } from "./store.js";

const parts = () =>
  location.hash
    .replace(/^#\/?/, "")
    .split("/")
    .filter((part) => part !== "");

/** @param {string} path without the leading `#/` */
export const go = (path) => (location.hash = `#/${path}`);

/** Replace the current place, without a new entry in the history. */
export function replace(/** @type {string} */ path) {
  history.replaceState(null, "", `#/${path}`);
  change({ route: parts() });
}

export function startRouter() {
  addEventListener("hashchange", () => change({ route: parts() }));
  change({ route: parts() });
}
