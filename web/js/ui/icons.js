/** Line icons from `icons.svg`. */

import { h } from "../dom.js";

/** @param {IconName} name @param {string} [kind] a class */
export const icon = (name, kind) =>
  h("svg.icon", { class: kind, "aria-hidden": "true" },
    h("use", { href: `/web/icons.svg#${name}` }),
  );
