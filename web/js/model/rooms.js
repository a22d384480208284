/** The known messages of a conversation. Pure functions; docs/live.md has the rules. */

/**
 * The newest messages, after the first load. `limit`: the requested number.
 * @type {(answer: {messages: Message[], version: number}, limit: number) => Room}
 */
export function openRoom({ messages, version }, limit) {
  return { messages, version, isAtStart: messages.length < limit };
}

/**
 * Add a message of a frame.
 * If messages before it are missing, nothing changes: they must be fetched.
 * @type {(room: Room, message: Message) => {room: Room, hasGap: boolean}}
 */
export function receive(room, message) {
  if (message.version <= room.version) return { room, hasGap: false };
  if (message.version > room.version + 1) return { room, hasGap: true };
  const messages = [...room.messages, message];
  return { room: { ...room, messages, version: message.version }, hasGap: false };
}

/** Apply what was sent and deleted. @type {(room: Room, changes: Changes) => Room} */
export function merge(room, changes) {
  if (changes.version <= room.version) return room;
  const last = room.messages.at(-1)?.seq ?? 0;
  const news = changes.messages.filter((each) => each.seq > last);
  const all = { ...room, messages: [...room.messages, ...news], version: changes.version };
  return remove(all, changes.deleted_ids);
}

/**
 * Prepend an older page. `older`: oldest first. `limit`: the requested number.
 * @type {(room: Room, older: Message[], limit: number) => Room}
 */
export function prepend(room, older, limit) {
  const first = room.messages[0]?.seq ?? Infinity;
  const messages = [...older.filter((each) => each.seq < first), ...room.messages];
  return { ...room, messages, isAtStart: older.length < limit };
}

/**
 * Remove some messages; replies to them stay, without the quoted message.
 * @type {(room: Room, ids: Iterable<number>) => Room}
 */
export function remove(room, ids) {
  const gone = new Set(ids);
  if (gone.size === 0) return room;
  const messages = room.messages
    .filter((each) => !gone.has(each.id))
    .map((each) => {
      if (each.reply_to_id === undefined || !gone.has(each.reply_to_id)) return each;
      const { reply_to: _text, reply_to_id: _id, reply_to_type: _type, ...rest } = each;
      return rest;
    });
  return { ...room, messages };
}

/**
 * The part of a long history that is drawn, as indexes; `startSeq` is null for the newest messages.
 * @param {Message[]} messages @param {number | null} startSeq @param {number} size
 */
export function drawnRange(messages, startSeq, size) {
  const newest = Math.max(0, messages.length - size);
  if (startSeq === null) return { start: newest, end: messages.length };
  const found = messages.findIndex((each) => each.seq >= startSeq);
  const start = found < 0 ? newest : Math.min(found, newest);
  return { start, end: Math.min(messages.length, start + size) };
}

/**
 * Where the drawn part begins after it moved by a third.
 * @param {Message[]} messages @param {number | null} startSeq
 * @param {"older" | "newer"} direction @param {number} size
 */
export function slide(messages, startSeq, direction, size) {
  const { start } = drawnRange(messages, startSeq, size);
  const step = Math.floor(size / 3);
  const to = direction === "older" ? Math.max(0, start - step) : start + step;
  return to + size >= messages.length && direction === "newer" ? null : (messages[to]?.seq ?? null);
}
