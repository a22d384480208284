/** Components of screens. In `kind`, they take further classes. */

import { h } from "../dom.js";
import { t } from "../i18n.js";
import { avatar } from "./avatar.js";
import { icon } from "./icons.js";

/** @type {(label: string, onClick: () => void, picture?: IconName, kind?: string) => VElement} */
export const button = (label, onClick, picture, kind) =>
  h("button.button", { class: kind, onClick }, picture && icon(picture), label);

/** @type {(label: string, href: string, props?: Props) => VElement} */
export const linkButton = (label, href, props) => h("a.button", { href, ...props }, label);

/** A button within text. @type {(label: string, onClick: () => void) => VElement} */
export const link = (label, onClick) => h("button.link", { onClick }, label);

/**
 * A button that shows only an icon; its name is read out and shown as a tooltip.
 * @type {(name: IconName, label: string, onClick: (event: any) => void, kind?: string) => VElement}
 */
export const iconButton = (name, label, onClick, kind) =>
  h("button.icon-button", { class: kind, "aria-label": label, title: label, onClick }, icon(name));

/** @type {(name: IconName, label: string, href: string, kind?: string) => VElement} */
export const iconLink = (name, label, href, kind) =>
  h("a.icon-button", { class: kind, "aria-label": label, title: label, href }, icon(name));

/** How many wait. @type {(count: number, kind?: string) => Child} */
export const badge = (count, kind) =>
  count > 0 &&
  h("span.badge", { class: kind },
    count > 99 ? "99+" : count,
    h("span.visually-hidden", t("unreadHint")),
  );

export const spinner = () => h("div.spinner", { role: "status", "aria-label": t("loading") });

/** What to do next. @type {(picture: IconName, text: string, ...actions: Child[]) => VElement} */
export const emptyNote = (picture, text, ...actions) =>
  h("div.empty-note", { key: "empty" }, icon(picture, "big"), h("p", text), actions);

/** @param {string} title @param {Child[]} content */
export const card = (title, ...content) => h("section.card", h("h2", title), content);

/** @param {string} title @param {Child} action @param {Child[]} content */
export const detailsCard = (title, action, ...content) =>
  h("section.card", h("header.section-head", h("h3", title), action), content);

/** @type {(key: string, kind: string, ...content: Child[]) => VElement} */
export const mainPane = (key, kind, ...content) =>
  h("main.main-pane", { id: "main", class: kind, key, tabindex: "-1" }, content);

/** A pane beside a chat. @type {(title: string, id: number, ...content: Child[]) => VElement} */
export const sidePane = (title, id, ...content) =>
  h("aside.details-pane", { key: title, "aria-label": title },
    h("header.pane-head", h("h2", title), iconLink("close", t("close"), `#/c/${id}`)),
    h("div.details-body", content),
  );

/** A name with more text. @type {(name: Child, below: Child, beside?: Child) => VElement} */
export const rowText = (name, below, beside) =>
  h("span.row-text",
    beside ? h("span.row-line", h("bdi.row-name", name), beside) : h("bdi.row-name", name),
    below,
  );

export const preview = (/** @type {Child} */ text) => h("bdi.row-preview", text);

/** A user, and what can be done. @type {(person: Named, ...rest: Child[]) => VElement} */
export const personItem = (person, ...rest) =>
  h("li.person-row", { key: person.id },
    avatar(person, "small"),
    h("bdi.clip.grow", person.name),
    rest,
  );

/**
 * The head of a user's or a group's card. `about`: what users say about themselves.
 * @type {(of: Named, below: Child, about?: string) => Child[]}
 */
export const portrait = (of, below, about) => [
  avatar(of, "huge"),
  h("h2.wrap", h("bdi", of.name)),
  h("p.quiet.wrap", below),
  about && h("p.about.wrap", { dir: "auto" }, about),
];
