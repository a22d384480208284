/** Modal dialogs, on the platform's own `<dialog>`. */

import { h, render } from "../dom.js";
import { t } from "../i18n.js";
import { subscribe } from "../store.js";
import { form, resetForm } from "./form.js";
import { button, iconButton } from "./parts.js";
import { attempt } from "./toast.js";

let count = 0;

/**
 * Open a dialog. It is rendered with the page.
 * `kind`: a class. The promise is resolved when the dialog is closed.
 * @type {(title: string, content: (close: () => void) => Child, kind?: string) => Promise<void>}
 */
export function openDialog(title, content, kind = "") {
  const dialog = document.createElement("dialog");
  const id = `dialog-${++count}`;
  dialog.className = `dialog ${kind}`;
  dialog.setAttribute("aria-labelledby", id);
  document.body.append(dialog);
  const close = () => dialog.close();
  const draw = () =>
    render(dialog, [
      h("div.dialog-body",
        h("header.section-head", h("h2", { id }, title), iconButton("close", t("close"), close)),
        content(close),
      ),
    ]);
  const unsubscribe = subscribe(draw);
  draw();
  dialog.onclick = (event) => {
    if (event.target === dialog) close();
  };
  dialog.showModal();
  /** @type {HTMLElement | null} */
  const first = dialog.querySelector("[autofocus], input, textarea, select");
  first?.focus();
  return new Promise((resolve) => {
    dialog.onclose = () => {
      unsubscribe();
      dialog.remove();
      resolve();
    };
  });
}

/** @typedef {Parameters<typeof form>[0]["onSubmit"]} Submit */

/**
 * A form in a dialog, which closes when it is done. `submit`: the label of the button.
 * @type {(title: string, submit: string, fields: () => Child, action: Submit) => void}
 */
export function openForm(title, submit, fields, action) {
  const key = `dialog: ${title}`;
  resetForm(key);
  openDialog(title, (close) =>
    form({
      key,
      fields: fields(),
      submit,
      onSubmit: async (values, element) => {
        await action(values, element);
        close();
      },
    }),
  );
}

/**
 * Ask before something that cannot be undone, and do it. `label`: of the button; `done`: said
 * afterwards. Returns whether it was done.
 * @param {string} title @param {string} text @param {string} label
 * @param {() => Promise<any>} action @param {string} [done]
 */
export async function confirm(title, text, label, action, done) {
  let isConfirmed = false;
  await openDialog(title, (close) => {
    const onClick = () => {
      isConfirmed = true;
      close();
    };
    return [
      h("p", text),
      h("div.actions",
        button(t("cancel"), close),
        h("button.button.danger", { autofocus: true, onClick }, label),
      ),
    ];
  });
  return isConfirmed && attempt(action, done);
}
