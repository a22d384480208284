/** A menu of actions beside the button that opens it, for pointer and keyboard. */

import { h, render } from "../dom.js";
import { icon } from "./icons.js";
import { iconButton } from "./parts.js";

const MARGIN = 8;

/** @typedef {(MenuItem | false)[]} Items */

/** @type {(label: string, items: () => Items, kind?: string) => VElement} */
export const menuButton = (label, items, kind) =>
  iconButton("more", label, (event) => openMenu(event.currentTarget, items()), kind);

/** What opens the same menu on a right click or a long press. @param {() => Items} items */
export const menuOnPress = (items) => (/** @type {any} */ event) => {
  if (getSelection()?.toString()) return;
  event.preventDefault();
  openMenu(event.currentTarget, items(), { x: event.clientX, y: event.clientY });
};

/** @param {HTMLElement} anchor @param {Items} items @param {{x: number, y: number}} [point] */
function openMenu(anchor, items, point) {
  const menu = document.createElement("div");
  Object.assign(menu, { className: "menu", role: "menu", popover: "auto" });
  const close = () => menu.hidePopover();
  const describe = (/** @type {MenuItem} */ { label, icon: picture, run, isDanger }) => {
    const onClick = () => {
      close();
      run();
    };
    const props = { role: "menuitem", tabindex: "-1", class: isDanger && "danger", onClick };
    return h("button.menu-item", props, icon(picture), label);
  };
  render(menu, items.filter((item) => !!item).map(describe));
  const buttons = /** @type {HTMLElement[]} */ ([...menu.children]);
  menu.onkeydown = (event) => {
    const at = buttons.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
    if (event.key === "Tab") close();
    if (to === undefined) return;
    event.preventDefault();
    buttons.at(to % buttons.length)?.focus();
  };
  menu.addEventListener("toggle", (event) => {
    if (/** @type {ToggleEvent} */ (event).newState !== "closed") return;
    if (menu.contains(document.activeElement)) anchor.focus();
    menu.remove();
  });
  // Under a modal dialog, only its own elements can be used.
  (anchor.closest("dialog") ?? document.body).append(menu);
  menu.showPopover();
  place(menu, anchor.getBoundingClientRect(), point);
  buttons[0]?.focus();
}

/** @param {HTMLElement} menu @param {DOMRect} beside @param {{x: number, y: number}} [point] */
function place(menu, beside, point) {
  const { width, height } = menu.getBoundingClientRect();
  const x = point?.x ?? beside.right - width;
  const below = point?.y ?? beside.bottom + 4;
  const above = (point?.y ?? beside.top - 4) - height;
  const y = below + height + MARGIN > innerHeight && above > MARGIN ? above : below;
  const clamp = (/** @type {number} */ value, /** @type {number} */ most) =>
    `${Math.max(MARGIN, Math.min(value, most - MARGIN))}px`;
  menu.style.setProperty("left", clamp(x, innerWidth - width));
  menu.style.setProperty("top", clamp(y, innerHeight - height));
}
