/** Short notices at the edge of the page, read out by screen readers. */

const SHOWN_MS = 5000;

/**
 * @param {string} text
 * @param {"done" | "problem"} kind
 */
export function toast(text, kind = "done") {
  const notice = document.createElement("div");
  notice.className = `toast toast-${kind}`;
  notice.textContent = text;
  region().append(notice);
  setTimeout(() => notice.remove(), SHOWN_MS);
}

function region() {
  let found = document.querySelector(".toasts");
  if (!found) {
    found = document.createElement("div");
    found.className = "toasts";
    found.setAttribute("role", "status");
    found.setAttribute("popover", "manual");
    document.body.append(found);
  }
  // Shown anew, it lies above a dialog that was opened meanwhile.
  const popover = /** @type {HTMLElement} */ (found);
  popover.hidePopover();
  popover.showPopover();
  return popover;
}
