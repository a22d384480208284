/** Times and messages in the user's language. */

import { locale, t } from "./i18n.js";

const DAY_MS = 86_400_000;

/** @param {Date} date */
const dayNumber = (date) => Math.round(new Date(date).setHours(0, 0, 0, 0) / DAY_MS);

/** How many days ago. @param {Date} date */
const age = (date) => dayNumber(new Date()) - dayNumber(date);

const isThisYear = (/** @type {Date} */ date) => date.getFullYear() === new Date().getFullYear();

/** @type {Map<string, Intl.DateTimeFormat>} */
const formats = new Map();

/** @param {Date} date @param {Intl.DateTimeFormatOptions} options */
function format(date, options) {
  const key = locale() + JSON.stringify(options);
  let known = formats.get(key);
  if (!known) formats.set(key, (known = new Intl.DateTimeFormat(locale(), options)));
  return known.format(date);
}

/** `14:05`. @param {string} time */
export const clock = (time) =>
  format(new Date(time), { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

/** Today, yesterday, or a date. @param {string} time */
export function day(time) {
  const date = new Date(time);
  const days = age(date);
  if (days === 0) return t("today");
  if (days === 1) return t("yesterday");
  /** @type {Intl.DateTimeFormatOptions} */
  const more = isThisYear(date) ? { weekday: "short" } : { year: "numeric" };
  return format(date, { ...more, month: "short", day: "numeric" });
}

/** The time of today, otherwise the day, in a short form for lists. @param {string} time */
export function moment(time) {
  if (!time) return "";
  const date = new Date(time);
  const days = age(date);
  if (days === 0) return clock(time);
  if (days === 1) return t("yesterday");
  const year = isThisYear(date) ? undefined : "2-digit";
  return format(date, { year, month: "numeric", day: "numeric" });
}

/** Day and clock. @param {string} time */
export const full = (time) =>
  time ? format(new Date(time), { dateStyle: "medium", timeStyle: "short", hourCycle: "h23" }) : "";

/** A message as text. @param {{type?: number, content: string}} message */
export const contentOf = ({ type, content }) => (type === 1 ? t("imagePreview") : content);
