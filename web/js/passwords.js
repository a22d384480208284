/** Passwords on their way to the server, and the codes that it sends back in the same form. */

import { state } from "./store.js";

const ZERO_IV = new Uint8Array(16);

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

/**
 * A password as the server takes it: encrypted if this page can, else as it is.
 * @param {string} password
 */
export async function encode(password) {
  if (!canEncrypt()) return password;
  const plain = new TextEncoder().encode(password);
  const algorithm = { name: "AES-CBC", iv: ZERO_IV };
  const cipher = await crypto.subtle.encrypt(algorithm, await importKey("encrypt"), plain);
  return btoa(String.fromCharCode(...new Uint8Array(cipher)));
}

/**
 * The code that `/verify` answered.
 * @param {string} cipher
 */
export async function decode(cipher) {
  const bytes = Uint8Array.from(atob(cipher), (character) => character.charCodeAt(0));
  const algorithm = { name: "AES-CBC", iv: ZERO_IV };
  return new TextDecoder().decode(
    await crypto.subtle.decrypt(algorithm, await importKey("decrypt"), bytes),
  );
}

/** What the server accepts as a password. */
export const PASSWORD_PATTERN = /^[A-Za-z0-9_]{1,20}$/;
