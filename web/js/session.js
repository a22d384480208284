/**
 * The session of this window: the only module that knows the token.
 *
 * All windows of a browser share one session, unless a window has its own.
 */

const SESSION = "ims.session";
const OWN_WINDOW = "ims.own-window";
const ENDED = "ims.ended";

/** @typedef {{token: string, userId: number}} Session */

/** @returns {boolean} Whether this window has a session of its own. */
export const isOwnWindow = () => sessionStorage.getItem(OWN_WINDOW) !== null;

const storage = () => (isOwnWindow() ? sessionStorage : localStorage);

/** @type {Session | null} */
let session = read();

/** @returns {Session | null} */
function read() {
  try {
    return JSON.parse(storage().getItem(SESSION) ?? "null");
  } catch {
    return null;
  }
}

/** @returns {number | null} The id of the account that is signed in. */
export const userId = () => session?.userId ?? null;

/** @returns {Record<string, string>} The header with the token. */
export const authorization = () => (session ? { Authorization: session.token } : {});

/** @returns {string[]} The websocket subprotocols with the token, so that no URL contains it. */
export const subprotocols = () => (session ? ["ims", session.token] : ["ims"]);

/** Store the session of a response. @type {(token: string, id: number) => void} */
export function begin(token, id) {
  session = { token, userId: id };
  storage().setItem(SESSION, JSON.stringify(session));
}

/**
 * Delete the token in every window that shares it, and reload.
 * @param {boolean} wasEnded by the server, which the next page shows
 */
export function end(wasEnded = false) {
  session = null;
  storage().removeItem(SESSION);
  if (wasEnded) sessionStorage.setItem(ENDED, "yes");
  startAfresh();
}

/** @returns {boolean} Whether the server ended the last session; true once. */
export function takeEnded() {
  const wasEnded = sessionStorage.getItem(ENDED) !== null;
  sessionStorage.removeItem(ENDED);
  return wasEnded;
}

function startAfresh() {
  history.replaceState(null, "", "/");
  location.reload();
}

/** Start a separate session in this window; the other windows do not change. */
export function useOwnWindow() {
  sessionStorage.setItem(OWN_WINDOW, "yes");
  startAfresh();
}

/** Return to the session of the other windows. */
export function useSharedWindow() {
  sessionStorage.removeItem(OWN_WINDOW);
  sessionStorage.removeItem(SESSION);
  startAfresh();
}

/** @returns {boolean} Whether a user is signed in in the other windows. */
export const isSharedSignedIn = () => localStorage.getItem(SESSION) !== null;

// Another window has signed in or out: remove all data of the former user from the page.
addEventListener("storage", (event) => {
  const isShared = event.key === SESSION || event.key === null;
  if (isShared && event.storageArea === localStorage && !isOwnWindow()) {
    if (read()?.token !== session?.token) startAfresh();
  }
});
