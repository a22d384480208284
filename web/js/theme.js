/** Light or dark theme: that of the system, unless the user has chosen one. */

const CHOSEN = "ims.theme";

/** @typedef {"auto" | "light" | "dark"} Theme */

/** @returns {Theme} */
export function theme() {
  const chosen = localStorage.getItem(CHOSEN);
  return chosen === "light" || chosen === "dark" ? chosen : "auto";
}

/** @param {Theme} wanted */
export function setTheme(wanted) {
  localStorage.setItem(CHOSEN, wanted);
  applyTheme();
}

export function applyTheme() {
  document.documentElement.dataset.theme = theme();
}
