/** The list of conversations. Pure functions. */

/**
 * The list after a message: its conversation comes first after the pinned ones.
 * `isOwn`: sent by the account itself, which marks earlier messages as read. Returns null if
 * the conversation is not in the list.
 * @type {(list: Conversation[], message: Message, isOwn: boolean) => Conversation[] | null}
 */
export function withMessage(list, message, isOwn) {
  const before = list.find((each) => each.id === message.conversation);
  if (before === undefined) return null;
  if ((before.last_message_id ?? 0) >= message.id) return list;
  const after = {
    ...before,
    last_message: message.content,
    last_message_time: message.created_time,
    last_message_type: message.type,
    last_message_id: message.id,
    unread_count: isOwn ? 0 : before.unread_count + 1,
  };
  const rest = list.filter((each) => each !== before);
  const place = after.is_top ? 0 : rest.findIndex((each) => !each.is_top);
  rest.splice(place < 0 ? rest.length : place, 0, after);
  return rest;
}

/** @type {(list: Conversation[], id: number, changes: Partial<Conversation>) => Conversation[]} */
export const withChanges = (list, id, changes) =>
  list.map((each) => (each.id === id ? { ...each, ...changes } : each));

/**
 * A fetched list, in which conversations that changed after the request have their local state.
 * `before`: the list at the time of the request. Returns `fetched` itself if nothing changed.
 * @type {(fetched: Conversation[], before: Conversation[], now: Conversation[]) => Conversation[]}
 */
export function withNewer(fetched, before, now) {
  const known = new Set(before);
  const newer = new Map(now.filter((each) => !known.has(each)).map((each) => [each.id, each]));
  if (!fetched.some((each) => newer.has(each.id))) return fetched;
  return fetched.map((each) => newer.get(each.id) ?? each);
}

/** Unread messages in conversations that are not muted. @param {Conversation[]} list */
export const countUnread = (list) =>
  list.reduce((sum, each) => sum + (each.notice_able ? each.unread_count : 0), 0);
