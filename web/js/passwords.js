/** Passwords on their way to the server, and the codes that it sends back in the same form. */

import * as api from "./api.js";
import { t } from "./i18n.js";
import { state } from "./store.js";
import { field } from "./ui/form.js";

const ALGORITHM = { name: "AES-CBC", iv: new Uint8Array(16) };

/** @returns {boolean} Whether this page can encrypt: it needs the key and a secure context. */
export const canEncrypt = () =>
  state.config.password_transport_key !== "" && globalThis.crypto?.subtle !== undefined;

/** @returns {boolean} Whether the server wants what this page cannot do. */
export const isBlocked = () => state.config.password_transport === "encrypted" && !canEncrypt();

function importKey(/** @type {KeyUsage} */ usage) {
  const key = new TextEncoder().encode(state.config.password_transport_key);
  return crypto.subtle.importKey("raw", key, "AES-CBC", false, [usage]);
}

/** A password as the server takes it: encrypted if this page can. @param {string} password */
export async function encode(password) {
  if (!canEncrypt()) return password;
  const plain = new TextEncoder().encode(password);
  const cipher = await crypto.subtle.encrypt(ALGORITHM, await importKey("encrypt"), plain);
  return btoa(String.fromCharCode(...new Uint8Array(cipher)));
}

/** @param {string} path @param {Record<string, string>} fields with a password */
export const post = async (path, { password, ...fields }) =>
  api.post(path, { ...fields, password: await encode(password) });

/** The code that `/verify` answered. @param {string} cipher */
export async function decode(cipher) {
  const bytes = Uint8Array.from(atob(cipher), (character) => character.charCodeAt(0));
  const key = await importKey("decrypt");
  return new TextDecoder().decode(await crypto.subtle.decrypt(ALGORITHM, key, bytes));
}

/** @param {string} label @param {string} [name] */
export const passwordField = (label, name = "password", props = {}) =>
  field(label, name, {
    type: "password",
    autocomplete: "current-password",
    required: true,
    maxlength: "20",
    ...props,
  });

export const newPasswordField = (/** @type {string} */ label) =>
  passwordField(label, "password", {
    autocomplete: "new-password",
    pattern: "[A-Za-z0-9_]+",
    hint: t("passwordRules"),
    problem: t("errorPasswordIllegal"),
  });
