/** Times and sizes in the reader's language. */

import { locale, t } from "./i18n.js";

const DAY_MS = 86_400_000;

/** @param {Date} date */
const dayNumber = (date) =>
  Math.round(new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime() / DAY_MS);

/** @type {Map<string, Intl.DateTimeFormat>} */
const formats = new Map();

/**
 * @param {Date} date
 * @param {Intl.DateTimeFormatOptions} options
 */
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
  const age = dayNumber(new Date()) - dayNumber(date);
  if (age === 0) return t("today");
  if (age === 1) return t("yesterday");
  const isThisYear = date.getFullYear() === new Date().getFullYear();
  return format(date, {
    weekday: isThisYear ? "short" : undefined,
    year: isThisYear ? undefined : "numeric",
    month: "short",
    day: "numeric",
  });
}

/** A clock for today, else a day: as short as fits a list. @param {string} time */
export function moment(time) {
  if (!time) return "";
  const date = new Date(time);
  const age = dayNumber(new Date()) - dayNumber(date);
  if (age === 0) return clock(time);
  if (age === 1) return t("yesterday");
  const isThisYear = date.getFullYear() === new Date().getFullYear();
  return format(date, { year: isThisYear ? undefined : "2-digit", month: "numeric", day: "numeric" });
}

/** Day and clock. @param {string} time */
export const full = (time) =>
  time ? format(new Date(time), { dateStyle: "medium", timeStyle: "short" }) : "";
