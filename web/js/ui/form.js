/** Forms: what was typed goes to a function, and what it refuses is said beside the button. */

import { h } from "../dom.js";
import { describe } from "../errors.js";
import { change } from "../store.js";

/** @type {Map<string, {isBusy: boolean, problem: string}>} By the key of the form. */
const progress = new Map();

/** Something wrong that the page itself found. */
export class FormError extends Error {}

/** Forget what a form said before. @param {string} key */
export const resetForm = (key) => progress.delete(key);

/**
 * @param {object} form
 * @param {string} form.key
 * @param {import("../dom.js").Child} form.fields
 * @param {string} form.submit what the button says
 * @param {(values: Record<string, string>, form: HTMLFormElement) => Promise<void>} form.onSubmit
 * @param {boolean} [form.isDanger]
 * @param {boolean} [form.isDisabled]
 * @param {string} [form.kind] a class
 * @param {import("../dom.js").Child} [form.after] beside the button
 */
export function form({ key, fields, submit, onSubmit, isDanger, isDisabled, kind = "", after }) {
  const { isBusy, problem } = progress.get(key) ?? { isBusy: false, problem: "" };
  /** @param {SubmitEvent} event */
  const onSubmitted = async (event) => {
    event.preventDefault();
    if (progress.get(key)?.isBusy) return;
    const element = /** @type {HTMLFormElement} */ (event.currentTarget);
    const values = /** @type {Record<string, string>} */ (Object.fromEntries(new FormData(element)));
    progress.set(key, { isBusy: true, problem: "" });
    change();
    try {
      await onSubmit(values, element);
      progress.delete(key);
    } catch (error) {
      const text = error instanceof FormError ? error.message : describe(error);
      progress.set(key, { isBusy: false, problem: text });
    }
    change();
  };
  return h(
    "form",
    { key, class: `form ${kind}`, novalidate: true, onSubmit: onSubmitted },
    fields,
    h("p", { class: "form-problem", role: "alert" }, problem),
    h(
      "div",
      { class: "actions" },
      after,
      h(
        "button",
        {
          type: "submit",
          class: isDanger ? "button danger" : "button primary",
          disabled: isBusy || !!isDisabled,
          "aria-busy": String(isBusy),
        },
        submit,
      ),
    ),
  );
}

/**
 * A labelled field of a form.
 * @param {string} label
 * @param {string} name
 * @param {import("../dom.js").Props & {rows?: number, hint?: string}} [props]
 */
export function field(label, name, { hint, rows, ...props } = {}) {
  const hintId = hint ? `hint-${name}` : null;
  const common = { name, dir: "auto", autocomplete: "off", "aria-describedby": hintId, ...props };
  const control = rows ? h("textarea", { rows: String(rows), ...common }) : h("input", { type: "text", ...common });
  return h(
    "div",
    { key: `field-${name}` },
    h("label", { class: "field" }, h("span", { class: "field-label" }, label), control),
    hintId && h("p", { class: "field-hint", id: hintId }, hint),
  );
}

/**
 * @param {string} label
 * @param {boolean} isOn
 * @param {() => void} onChange
 */
export const toggle = (label, isOn, onChange) =>
  h(
    "label",
    { class: "toggle" },
    h("span", null, label),
    h("input", { type: "checkbox", role: "switch", checked: isOn, onChange }),
  );
