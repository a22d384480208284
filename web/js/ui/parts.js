/** Components of the screens. */

import { h } from "../dom.js";
import { t } from "../i18n.js";
import { avatar } from "./avatar.js";
import { icon } from "./icons.js";


/**
 * @param {string} label
 * @param {(event: any) => void} onClick
 * @param {IconName} [picture]
 * @param {string} [kind] a class
 */
export const button = (label, onClick, picture, kind) =>
  h("button.button", { class: kind, onClick }, picture && icon(picture), label);

/** @param {string} label @param {string} href @param {Props} [props] */
export const linkButton = (label, href, props) => h("a.button", { href, ...props }, label);

/** A button amid text. @param {string} label @param {() => void} onClick */
export const link = (label, onClick) => h("button.link", { onClick }, label);

/**
 * A button that shows only an icon; its name is read out and shown as a tooltip. `kind`: a class.
 * @type {(name: IconName, label: string, onClick: (event: any) => void, kind?: string) => VElement}
 */
export const iconButton = (name, label, onClick, kind) =>
  h("button.icon-button", { class: kind, "aria-label": label, title: label, onClick }, icon(name));

/** @param {IconName} name @param {string} label @param {string} href @param {string} [kind] a class */
export const iconLink = (name, label, href, kind) =>
  h("a.icon-button", { class: kind, "aria-label": label, title: label, href }, icon(name));

/** A counter. @param {number} count @param {string} [kind] a class */
export const badge = (count, kind) =>
  count > 0 &&
  h("span.badge", { class: kind }, count > 99 ? "99+" : count, h("span.visually-hidden", t("unreadHint")));

export const spinner = () => h("div.spinner", { role: "status", "aria-label": t("loading") });

/** @param {IconName | null} picture @param {string} text @param {Child} [action] what to do next */
export const emptyNote = (picture, text, action) =>
  h("div.empty-note", { key: "empty" }, picture && icon(picture, "big"), h("p", text), action);

/** @param {string} title @param {Child[]} content */
export const card = (title, ...content) => h("section.card", h("h2", title), content);

/** @param {string} title @param {Child} action @param {Child[]} content */
export const detailsCard = (title, action, ...content) =>
  h("section.card", h("header.section-head", h("h3", title), action), content);

/** A pane beside a conversation. @param {string} key @param {string} title @param {number} id @param {Child[]} content */
export const sidePane = (key, title, id, ...content) =>
  h("aside.details-pane", { key, "aria-label": title },
    h("header.pane-head", h("h2", title), iconLink("close", t("close"), `#/c/${id}`)),
    h("div.details-body", content),
  );

/** A name, with elements beside and below it. @param {Child} name @param {Child} below @param {Child} [beside] */
export const rowText = (name, below, beside) =>
  h("span.row-text",
    beside ? h("span.row-line", h("bdi.row-name", name), beside) : h("bdi.row-name", name),
    below,
  );

/** @param {Child} text */
export const preview = (text) => h("bdi.row-preview", text);

/** A user's avatar, name and actions. @param {Named} person @param {Child[]} rest */
export const personItem = (person, ...rest) =>
  h("li.person-row", { key: person.id }, avatar(person, "small"), h("bdi.clip.grow", person.name), rest);

/**
 * The head of the card of a user or a group. `about`: the text of the profile.
 * @type {(of: Named, below: Child, about?: string) => Child[]}
 */
export const portrait = (of, below, about) => [
  avatar(of, "huge"),
  h("h2.wrap", h("bdi", of.name)),
  h("p.quiet.wrap", below),
  about && h("p.about.wrap", { dir: "auto" }, about),
];
