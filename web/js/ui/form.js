/** Forms: the values are passed to a function, whose error is shown beside the button. */

import { h } from "../dom.js";
import { describe } from "../errors.js";
import { t } from "../i18n.js";
import { change } from "../store.js";
import { avatar } from "./avatar.js";

/** @type {Map<string, {isBusy: boolean, problem: string}>} By the key of the form. */
const progress = new Map();

/** An invalid value that the page itself detects. */
export class FormError extends Error {}

/** Remove the error of a form. @param {string} key */
export const resetForm = (key) => progress.delete(key);

/**
 * @param {object} form
 * @param {string} form.key
 * @param {Child} form.fields
 * @param {string} form.submit what the button says
 * @param {(values: Record<string, string>, form: HTMLFormElement) => Promise<any>} form.onSubmit
 * @param {boolean} [form.isDisabled]
 * @param {string} [form.kind] classes
 * @param {Child} [form.after] beside the button
 */
export function form({ key, fields, submit, onSubmit, isDisabled = false, kind, after }) {
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
  const state = { type: "submit", disabled: isBusy || isDisabled, "aria-busy": String(isBusy) };
  return h("form.form", { key, class: kind, novalidate: true, onSubmit: onSubmitted },
    fields,
    h("p.form-problem", { role: "alert" }, problem),
    h("div.actions", after, h("button.button.primary", state, submit)),
  );
}

/** A labelled control of a form. @type {(label: string, control: Child) => VElement} */
export const labelled = (label, control) =>
  h("label.field", h("span.field-label", label), control);

/**
 * A labelled field of a form.
 * @type {(label: string, name: string, props?: Props & {rows?: number, hint?: string}) => VElement}
 */
export function field(label, name, { hint, rows, ...props } = {}) {
  const hintId = hint ? `hint-${name}` : null;
  const common = { name, dir: "auto", autocomplete: "off", "aria-describedby": hintId, ...props };
  const control = rows ? h("textarea", { rows, ...common }) : h("input", { type: "text", ...common });
  return h("div", { key: `field-${name}` },
    labelled(label, control),
    hintId && h("p.field-hint", { id: hintId }, hint),
  );
}

/** A required name. @param {string} label @param {string} [name] the name so far */
export const nameField = (label, name = "") =>
  field(label, "name", { maxlength: "100", required: true, defaultValue: name });

/** @param {string} name @throws {FormError} it is missing */
export function requireName(name) {
  if (name.trim() === "") throw new FormError(t("errorGroupName"));
}

/** A choice of users. @param {string} label @param {Named[]} people */
export const peopleField = (label, people) =>
  h("fieldset.choices",
    h("legend", label),
    people.map((each) =>
      h("label.choice", { key: each.id },
        h("input", { type: "checkbox", name: "member", value: String(each.id) }),
        avatar(each, "small"),
        h("bdi.clip", each.name),
      ),
    ),
  );

/** @param {HTMLFormElement} element @returns {number[]} their ids @throws {FormError} there is none */
export function chosenPeople(element) {
  const ids = new FormData(element).getAll("member").map(Number);
  if (ids.length === 0) throw new FormError(t("chooseSomebody"));
  return ids;
}

/** @param {string} label @param {boolean} isOn @param {() => void} onChange */
export const toggle = (label, isOn, onChange) =>
  h("label.setting", label, h("input", { type: "checkbox", role: "switch", checked: isOn, onChange }));
