/** Messages that are not sent yet, with their images: the browser keeps them over a reload. */

/** @type {Promise<IDBDatabase> | undefined} */
let opening;

/** @template T @param {IDBRequest<T>} request @returns {Promise<T>} */
const settled = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

function open() {
  const request = indexedDB.open("ims", 1);
  request.onupgradeneeded = () =>
    request.result.createObjectStore("outbox", { keyPath: "client_id" });
  return settled(request);
}

/**
 * A browser may keep nothing, in a private window or on a full disk; messages are sent anyway.
 * @template T
 * @param {(store: IDBObjectStore) => IDBRequest<T>} action
 * @returns {Promise<T | undefined>}
 */
async function access(action) {
  try {
    const transaction = (await (opening ??= open())).transaction("outbox", "readwrite");
    const request = settled(action(transaction.objectStore("outbox")));
    transaction.commit();
    return await request;
  } catch {
    return undefined;
  }
}

/** @param {number} userId @param {Pending} pending */
export const keep = (userId, pending) => access((store) => store.put({ ...pending, userId }));

/** @param {Pending} pending */
export const forget = (pending) => access((store) => store.delete(pending.client_id));

/** @param {number} userId @returns {Promise<Pending[]>} oldest first */
export async function restore(userId) {
  /** @type {(Pending & {userId: number})[]} */
  const kept = (await access((store) => store.getAll())) ?? [];
  const own = kept.filter((each) => each.userId === userId);
  return own.sort((a, b) => a.created_time.localeCompare(b.created_time));
}

export async function forgetAll(/** @type {number} */ userId) {
  for (const pending of await restore(userId)) await forget(pending);
}
