/** Modal dialogs, on the platform's own `<dialog>`. */

import { h, render } from "../dom.js";
import { t } from "../i18n.js";
import { subscribe } from "../store.js";
import { iconButton } from "./icons.js";

let count = 0;

/**
 * Open a dialog. It is drawn again with the page.
 * @param {string} title
 * @param {(close: () => void) => import("../dom.js").Child} content
 * @param {string} [kind] a class
 * @returns {Promise<void>} settled when it is closed
 */
export function openDialog(title, content, kind = "") {
  return new Promise((resolve) => {
    const dialog = document.createElement("dialog");
    const id = `dialog-${++count}`;
    dialog.className = `dialog ${kind}`;
    dialog.setAttribute("aria-labelledby", id);
    document.body.append(dialog);
    const close = () => dialog.close();
    const draw = () =>
      render(dialog, [
        h(
          "div",
          { class: "dialog-body" },
          h(
            "header",
            { class: "dialog-head" },
            h("h2", { id }, title),
            iconButton("close", t("close"), close),
          ),
          content(close),
        ),
      ]);
    const unsubscribe = subscribe(draw);
    draw();
    dialog.onclick = (event) => {
      if (event.target === dialog) close();
    };
    dialog.onclose = () => {
      unsubscribe();
      dialog.remove();
      resolve();
    };
    dialog.showModal();
    const first = dialog.querySelector("[autofocus], input, textarea, select");
    if (first instanceof HTMLElement) first.focus();
  });
}

/**
 * Ask before something that cannot be taken back.
 * @param {string} title
 * @param {string} text
 * @param {string} action what the button says
 * @returns {Promise<boolean>}
 */
export async function confirm(title, text, action) {
  let isConfirmed = false;
  await openDialog(title, (close) => [
    h("p", { class: "plain" }, text),
    h(
      "div",
      { class: "actions" },
      h("button", { type: "button", class: "button", onClick: close }, t("cancel")),
      h(
        "button",
        {
          type: "button",
          class: "button danger",
          autofocus: true,
          onClick: () => {
            isConfirmed = true;
            close();
          },
        },
        action,
      ),
    ),
  ]);
  return isConfirmed;
}
