/**
 * Pending messages. Pure functions.
 *
 * A message is shown at once and sent until the server responds; its `client_id` makes repeats
 * harmless. Its frame can arrive before the response, hence `visible`.
 */

/**
 * The pending messages of a conversation that are not among its messages yet.
 * @type {(outbox: Pending[], id: number, messages: Message[], userId: number) => Pending[]}
 */
export function visible(outbox, conversationId, messages, userId) {
  const pending = outbox.filter((each) => each.conversation === conversationId);
  if (pending.length === 0) return pending;
  const since = Math.min(...pending.map((each) => each.sinceSeq));
  /** @type {Message[]} */
  const own = [];
  for (let i = messages.length - 1; i >= 0 && messages[i].seq > since; i--) {
    if (messages[i].senderid === userId) own.unshift(messages[i]);
  }
  return pending.filter((each) => {
    const arrived = own.findIndex((message) => isSame(each, message));
    if (arrived >= 0) own.splice(arrived, 1);
    return arrived < 0;
  });
}

/** @param {Pending} pending @param {Message} message */
function isSame(pending, message) {
  if (pending.sentSeq !== undefined) return message.seq === pending.sentSeq;
  if (message.seq <= pending.sinceSeq) return false;
  if (pending.image) return message.type === 1;
  return (
    message.type === 0 &&
    message.content === pending.content &&
    (message.reply_to_id ?? null) === (pending.reply?.id ?? null)
  );
}

/**
 * After the response: the pending message waits for the message with its `seq`, which no other one
 * can claim.
 * @type {(outbox: Pending[], sent: Pending, seq: number) => Pending[]}
 */
export function acknowledge(outbox, sent, seq) {
  return outbox.map((each) => {
    if (each.client_id === sent.client_id) return { ...each, sentSeq: seq };
    if (each.conversation !== sent.conversation || each.sinceSeq >= seq) return each;
    return { ...each, sinceSeq: seq };
  });
}

/**
 * Without those that are messages of the conversation now.
 * @type {(outbox: Pending[], conversationId: number, newestSeq: number) => Pending[]}
 */
export const settle = (outbox, conversationId, newestSeq) =>
  outbox.filter(
    (each) =>
      each.conversation !== conversationId ||
      each.sentSeq === undefined ||
      each.sentSeq > newestSeq,
  );

/**
 * The next message to send in each conversation: one at a time, in order.
 * @type {(outbox: Pending[]) => Pending[]}
 */
export function nextToSend(outbox) {
  const seen = new Set();
  return outbox.filter((each) => {
    if (each.problem || each.sentSeq !== undefined || seen.has(each.conversation)) return false;
    seen.add(each.conversation);
    return true;
  });
}
