/** The search for messages: in all conversations, or in one by text, sender and time. */

import * as api from "../api.js";
import { h } from "../dom.js";
import { contentOf, full } from "../format.js";
import { t } from "../i18n.js";
import { go } from "../router.js";
import { change, state } from "../store.js";
import { avatar, button, field, form, labelled, rowText, sidePane } from "../ui/index.js";
import { jumpTo } from "./conversation.js";

const PAGE = 50;
const MOST_SHOWN = 200;

const ui = {
  /** @type {any[] | null} */
  everywhere: null,
  query: "",
  /** @type {number | undefined} The start of the next page. */
  nextBeforeId: undefined,
  /** @type {{id: number, messages: any[]} | null} */
  inside: null,
};

export function searchList() {
  const found = ui.everywhere;
  const asked = { defaultValue: ui.query, required: true, problem: t("typeWords") };
  return h("section.list-pane", { key: "search", "aria-label": t("search") },
    h("header.pane-head", h("h1", t("search"))),
    form({
      key: "search",
      kind: "inline inset",
      fields: textField(t("searchMessages"), asked),
      submit: t("search"),
      onSubmit: async ({ content }) => {
        ui.query = content;
        await search();
      },
    }),
    found === null && h("p.quiet.centered", t("searchHint")),
    found?.length === 0 &&
      !ui.nextBeforeId &&
      h("p.quiet.centered", { role: "status" }, t("nothingFound")),
    h("ul.rows", found?.map((each) => result(each, each.conversation_id, "search"))),
    ui.nextBeforeId && button(t("showMore"), () => search(ui.nextBeforeId), undefined, "wide"),
  );
}

/** @param {string} label @param {Props} [props] */
const textField = (label, props) =>
  field(label, "content", { type: "search", maxlength: "255", autofocus: true, ...props });

/** @param {number} [before_id] the start of the page */
async function search(before_id) {
  const fields = { content: ui.query, limit: PAGE, before_id };
  const { messages, next_before_id } = await api.get("/conversations/search", fields);
  ui.everywhere = before_id === undefined ? messages : [...(ui.everywhere ?? []), ...messages];
  ui.nextBeforeId = next_before_id;
  change();
}

/** @param {any} each @param {number} conversationId @param {"c" | "search"} place */
function result(each, conversationId, place) {
  const sender = { id: each.sender_id, name: each.sender_name, avatar: each.sender_avatar };
  const onClick = () => {
    go(`${place}/${conversationId}`);
    jumpTo(conversationId, each.id);
  };
  return h("li.row", { key: each.id },
    h("button.row-link", { onClick },
      avatar(sender),
      rowText(sender.name,
        [
          h("bdi.row-preview.two-lines", contentOf(each)),
          each.conversation_name && h("bdi.row-where", each.conversation_name),
        ],
        h("time.row-time", full(each.timestamp)),
      ),
    ),
  );
}

export function findPane(/** @type {Conversation} */ { id }) {
  const found = ui.inside?.id === id ? ui.inside.messages : null;
  const shown = found?.slice(0, MOST_SHOWN).map((each) => result(each, id, "c"));
  return sidePane(t("findInConversation"), id,
    form({
      key: `find-${id}`,
      fields: [
        textField(t("containsText")),
        senderField(id),
        field(t("fromTime"), "start_time", { type: "datetime-local" }),
        field(t("untilTime"), "end_time", { type: "datetime-local" }),
      ],
      submit: t("search"),
      onSubmit: async ({ start_time, end_time, ...values }) => {
        const times = { start_time: utc(start_time), end_time: utc(end_time) };
        const fields = { conversationId: id, ...values, ...times };
        const { messages } = await api.get("/conversations/manage_messages", fields);
        ui.inside = { id, messages: messages.reverse() };
      },
    }),
    found && h("p.quiet", { role: "status" }, t("foundCount", { n: found.length })),
    h("ul.rows", shown),
  );
}

/** The sender: a member of a group, or a part of the name in a private chat. @param {number} id */
function senderField(id) {
  const members = state.members[id]?.members ?? [];
  if (members.length === 0) return field(t("senderName"), "sender_name", { maxlength: "255" });
  const option = (/** @type {{id: number | "", name: string}} */ { id, name }) =>
    h("option", { value: String(id) }, name);
  const options = [{ id: /** @type {const} */ (""), name: t("anySender") }, ...members].map(option);
  return labelled(t("senderName"), h("select", { name: "sender_id" }, options));
}

/** @param {string} local @returns {string} the same time in UTC, or an empty text */
const utc = (local) => (local === "" ? "" : new Date(local).toISOString());
