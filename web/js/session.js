/**
 * Who is signed in here: the one module that knows the token.
 *
 * All windows of a browser share one sign-in, unless a window has asked for its own.
 */

const SESSION = "ims.session";
const OWN_WINDOW = "ims.own-window";
const ENDED = "ims.ended";

/** @typedef {{token: string, userId: number}} Session */

/** @returns {boolean} Whether this window has a sign-in of its own. */
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

/** @returns {Record<string, string>} The header that proves who is calling. */
export const authorization = () => (session ? { Authorization: session.token } : {});

/** @returns {string[]} The websocket subprotocols that prove it, so that no URL holds the token. */
export const subprotocols = () => (session ? ["ims", session.token] : ["ims"]);

/** Sign in with what the server answered. @type {(token: string, id: number) => void} */
export function begin(token, id) {
  session = { token, userId: id };
  storage().setItem(SESSION, JSON.stringify(session));
}

/**
 * Forget the token, in every window that shares it, and start afresh.
 * @param {boolean} wasEnded by the server, which the next page says
 */
export function end(wasEnded = false) {
  session = null;
  storage().removeItem(SESSION);
  if (wasEnded) sessionStorage.setItem(ENDED, "yes");
  startAfresh();
}

/** @returns {boolean} Whether the server ended the last sign-in; true once. */
export function takeEnded() {
  const wasEnded = sessionStorage.getItem(ENDED) !== null;
  sessionStorage.removeItem(ENDED);
  return wasEnded;
}

function startAfresh() {
  history.replaceState(null, "", "/");
  location.reload();
}

/** Give this window a sign-in of its own; the other windows stay as they are. */
export function useOwnWindow() {
  sessionStorage.setItem(OWN_WINDOW, "yes");
  startAfresh();
}

/** Return to the sign-in that the other windows share. */
export function useSharedWindow() {
  sessionStorage.removeItem(OWN_WINDOW);
  sessionStorage.removeItem(SESSION);
  startAfresh();
}

/** @returns {boolean} Whether somebody is signed in in the other windows. */
export const isSharedSignedIn = () => localStorage.getItem(SESSION) !== null;

// Another window signed in or out: nothing of the former person may stay on the screen.
addEventListener("storage", (event) => {
  const isShared = event.key === SESSION || event.key === null;
  if (isShared && event.storageArea === localStorage && !isOwnWindow()) {
    if (read()?.token !== session?.token) startAfresh();
  }
});
