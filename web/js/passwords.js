/** Passwords on their way to the server, and the codes that it sends back in the same form. */

import { t } from "./i18n.js";
import { state } from "./store.js";
import { field, FormError } from "./ui/form.js";

const ALLOWED = /^[A-Za-z0-9_]{1,20}$/;
const ALGORITHM = { name: "AES-CBC", iv: new Uint8Array(16) };

/** @returns {boolean} Whether this page can encrypt: it needs the key and a secure context. */
export const canEncrypt = () =>
  state.config.password_transport_key !== "" && globalThis.crypto?.subtle !== undefined;

/** @returns {boolean} Whether the server wants what this page cannot do. */
export const isBlocked = () => state.config.password_transport === "encrypted" && !canEncrypt();

/** @param {KeyUsage} usage */
function importKey(usage) {
  const key = new TextEncoder().encode(state.config.password_transport_key);
  return crypto.subtle.importKey("raw", key, "AES-CBC", false, [usage]);
}

/** A password as the server takes it: encrypted if this page can, else as it is. @param {string} password */
export async function encode(password) {
  if (!canEncrypt()) return password;
  const plain = new TextEncoder().encode(password);
  const cipher = await crypto.subtle.encrypt(ALGORITHM, await importKey("encrypt"), plain);
  return btoa(String.fromCharCode(...new Uint8Array(cipher)));
}

/** @param {string} password a new one @throws {FormError} the server would not take it */
export async function encodeNew(password) {
  if (!ALLOWED.test(password)) throw new FormError(t("errorPasswordIllegal"));
  return encode(password);
}

/** The code that `/verify` answered. @param {string} cipher */
export async function decode(cipher) {
  const bytes = Uint8Array.from(atob(cipher), (character) => character.charCodeAt(0));
  const key = await importKey("decrypt");
  return new TextDecoder().decode(await crypto.subtle.decrypt(ALGORITHM, key, bytes));
}

/** @param {string} label */
export const newPasswordField = (label) =>
  field(label, "password", {
    type: "password",
    autocomplete: "new-password",
    required: true,
    maxlength: "20",
    hint: t("passwordRules"),
  });
