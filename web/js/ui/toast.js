/** Short notices at the edge of the page, read out by screen readers. */

import { describe } from "../errors.js";

const SHOWN_MS = 5000;

/** @param {string} text @param {"done" | "problem"} kind */
export function toast(text, kind = "done") {
  const notice = document.createElement("div");
  notice.className = `toast toast-${kind}`;
  notice.textContent = text;
  const region = /** @type {HTMLElement} */ (document.getElementById("toasts"));
  // Shown again, it is above a dialog that was opened later.
  region.hidePopover();
  region.showPopover();
  region.append(notice);
  setTimeout(() => notice.remove(), SHOWN_MS);
}

/** Show an error. @param {unknown} error */
export const say = (error) => toast(describe(error), "problem");

/**
 * Run an action, and show its error.
 * `done`: the message of success. Returns whether it succeeded.
 * @type {(action: () => Promise<any>, done?: string) => Promise<boolean>}
 */
export async function attempt(action, done) {
  try {
    await action();
    if (done) toast(done);
    return true;
  } catch (error) {
    say(error);
    return false;
  }
}
