/** Light or dark: as the system, unless the user has chosen. */

const CHOSEN = "ims.theme";

export const theme = () => localStorage.getItem(CHOSEN) ?? "auto";

/** @param {string} wanted `auto`, `light` or `dark` */
export function setTheme(wanted) {
  localStorage.setItem(CHOSEN, wanted);
  document.documentElement.dataset.theme = wanted;
}
