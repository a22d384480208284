/** Line icons on a grid of 24. */

import { h } from "../dom.js";

export const PATHS = {
  chat: "M4 5h16v11H9l-5 4z",
  people: "M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM2.5 20c.5-4 3-6 6.5-6s6 2 6.5 6M16 4.500a3.3 3.3 0 0 1 0 6M17.5 14.500c2.3.7 3.700 2.5 4 5.5",
  search: "M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13zM15.5 15.5 20 20",
  settings: "M4 7h10M18 7h2M4 17h2M10 17h10M16 9.500a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM8 19.500a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5z",
  plus: "M12 5v14M5 12h14",
  send: "M4 12 20 4l-5 16-4-7z",
  image: "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M9 9.500a1 1 0 1 0-.01 0z",
  back: "M15 5l-7 7 7 7",
  info: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 11v5M12 8h.01",
  more: "M5 12h.01M12 12h.01M19 12h.01",
  pin: "M9 4h6l-1 6 3 3H7l3-3zM12 13v7",
  mute: "M6 16V11a6 6 0 0 1 9-5.200M18 11v5l1.5 2H6M10 21h4M4 4l16 16",
  reply: "M10 6 4 12l6 6M4 12h9a7 7 0 0 1 7 7",
  trash: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  check: "M5 12.5 10 17 19 7",
  read: "M2 12.5 7 17 15 7M12 16.500l.5.5L21 7",
  close: "M6 6l12 12M18 6 6 18",
  megaphone: "M4 10v4h3l8 4V6l-8 4zM18.5 9.500a4 4 0 0 1 0 5",
  logout: "M14 4H5v16h9M10 12h11M17 8l4 4-4 4",
  edit: "M4 20h4L19 9l-4-4L4 16z",
  eye: "M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12zM12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6z",
  clock: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 7v5l3 2",
  alert: "M12 4 2.5 20h19zM12 10v4M12 17h.01",
  down: "M6 9l6 6 6-6",
  shield: "M12 3l8 3v6c0 4.5-3.5 7.5-8 9-4.5-1.5-8-4.5-8-9V6z",
  window: "M4 5h16v14H4zM4 9h16",
  folder: "M3 6h6l2 2h10v11H3z",
  addPerson: "M10 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM3 20c.5-4 3.3-6 7-6 1.5 0 2.800.3 3.900 1M18 14v6M15 17h6",
  history: "M4 12a8 8 0 1 1 2.5 5.800M4 12l-2-2M4 12l2.5-2M12 8v4l3 2",
};

/** @param {IconName} name @param {string} [extra] further classes */
export const icon = (name, extra) =>
  h("svg.icon", { class: extra, viewBox: "0 0 24 24", "aria-hidden": "true" }, h("path", { d: PATHS[name] }));
