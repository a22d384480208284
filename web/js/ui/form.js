/** Forms: what was typed is passed to a function; what is wrong is shown beside the button. */

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
 * @param {string} form.submit the label of the button
 * @param {(values: Record<string, string>, form: HTMLFormElement) => Promise<any>} form.onSubmit
 * @param {boolean} [form.isDisabled]
 * @param {string} [form.kind] classes
 * @param {Child} [form.after] beside the button
 */
export function form({ key, fields, submit, onSubmit, isDisabled = false, kind, after }) {
  const { isBusy, problem } = progress.get(key) ?? { isBusy: false, problem: "" };
  const onSubmitted = async (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    if (progress.get(key)?.isBusy) return;
    const element = /** @type {HTMLFormElement} */ (event.currentTarget);
    const values = /** @type {Record<string, string>} */ (
      Object.fromEntries(new FormData(element))
    );
    progress.set(key, { isBusy: true, problem: "" });
    change();
    try {
      requireValid(element);
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

/** @param {HTMLFormElement} form @throws {FormError} a field is empty, or not as it has to be */
function requireValid(form) {
  const fields = /** @type {HTMLInputElement[]} */ ([...form.elements]);
  const invalid = fields.find(({ validity }) => validity.valueMissing || validity.patternMismatch);
  if (!invalid) return;
  invalid.focus();
  throw new FormError(invalid.dataset.problem ?? t("errorMissing"));
}

/** A labelled control of a form. @type {(label: string, control: Child) => VElement} */
export const labelled = (label, control) =>
  h("label.field", h("span.field-label", label), control);

/** Browsers obey `autofocus` once per page. */
const focus = (/** @type {Element} */ element) => /** @type {HTMLElement} */ (element).focus();

/**
 * A labelled field of a form. `problem`: what to say if it is empty or not as it has to be.
 * @type {(label: string, name: string, props?: Props) => VElement}
 */
export function field(label, name, { hint, rows, problem, ...props } = {}) {
  const common = {
    name,
    dir: "auto",
    autocomplete: "off",
    "aria-describedby": hint && `hint-${name}`,
    "data-problem": problem,
    ref: props.autofocus && focus,
    ...props,
  };
  const control = rows
    ? h("textarea", { rows, ...common })
    : h("input", { type: "text", ...common });
  return h("div", { key: `field-${name}` },
    labelled(label, control),
    hint && h("p.field-hint", { id: `hint-${name}` }, hint),
  );
}

/** A required name. @param {string} label @param {string} [name] the name so far */
export const nameField = (label, name = "") =>
  field(label, "name", {
    maxlength: "100",
    required: true,
    pattern: ".*\\S.*",
    defaultValue: name,
    problem: t("errorGroupName"),
  });

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

/** @param {HTMLFormElement} form @returns {number[]} the ids @throws {FormError} none is chosen */
export function chosenPeople(form) {
  const ids = new FormData(form).getAll("member").map(Number);
  if (ids.length === 0) throw new FormError(t("chooseSomebody"));
  return ids;
}

/** @type {(label: string, isOn: boolean, onChange: () => void) => VElement} */
export const toggle = (label, isOn, onChange) =>
  h("label.setting",
    label,
    h("input", { type: "checkbox", role: "switch", checked: isOn, onChange }),
  );
