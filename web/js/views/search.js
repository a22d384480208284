/** Finding messages: in every conversation, or in one by text, sender and time. */

import * as api from "../api.js";
import { h } from "../dom.js";
import { full } from "../format.js";
import { t } from "../i18n.js";
import { go } from "../router.js";
import { change, state } from "../store.js";
import { avatar } from "../ui/avatar.js";
import { field, form, FormError } from "../ui/form.js";
import { icon } from "../ui/icons.js";
import { jumpTo } from "./conversation.js";

/** @typedef {import("../model/conversations.js").Conversation} Conversation */

const PAGE = 50;

const ui = {
  /** @type {any[] | null} */
  everywhere: null,
  query: "",
  /** @type {number | undefined} */
  nextBeforeId: undefined,
  /** @type {{id: number, messages: any[]} | null} */
  inside: null,
};

export function searchList() {
  return h(
    "section",
    { class: "list-pane", key: "search", "aria-label": t("search") },
    h("header", { class: "pane-head" }, h("h1", null, t("search"))),
    form({
      key: "search",
      kind: "inline inset",
      fields: field(t("searchMessages"), "content", { type: "search", maxlength: "255", autofocus: true, defaultValue: ui.query }),
      submit: t("search"),
      onSubmit: async ({ content }) => {
        if (content === "") throw new FormError(t("typeWords"));
        ui.query = content;
        await search(undefined);
      },
    }),
    ui.everywhere === null && h("p", { class: "quiet centered" }, t("searchHint")),
    ui.everywhere?.length === 0 && !ui.nextBeforeId && h("p", { class: "quiet centered", role: "status" }, t("nothingFound")),
    ui.everywhere &&
      h("ul", { class: "rows" }, ui.everywhere.map((each) => result(each, each.conversation_id, each.conversation_name, `search/${each.conversation_id}`))),
    ui.nextBeforeId && h("button", { type: "button", class: "button wide", onClick: () => search(ui.nextBeforeId) }, t("showMore")),
  );
}

/** @param {number | undefined} beforeId */
async function search(beforeId) {
  const { messages, next_before_id } = await api.get("/conversations/search", { content: ui.query, limit: PAGE, before_id: beforeId });
  ui.everywhere = beforeId === undefined ? messages : [...(ui.everywhere ?? []), ...messages];
  ui.nextBeforeId = next_before_id;
  change();
}

/**
 * @param {any} each
 * @param {number} conversationId
 * @param {string} where
 * @param {string} path
 */
function result(each, conversationId, where, path) {
  return h(
    "li",
    { class: "row", key: each.id },
    h(
      "button",
      {
        type: "button",
        class: "row-link",
        onClick: () => {
          go(path);
          jumpTo(conversationId, each.id);
        },
      },
      avatar({ id: each.sender_id, name: each.sender_name, avatar: each.sender_avatar }),
      h(
        "span",
        { class: "row-text" },
        h("span", { class: "row-line" }, h("bdi", { class: "row-name" }, each.sender_name), h("time", { class: "row-time" }, full(each.timestamp))),
        h("bdi", { class: "row-preview two-lines" }, each.type === 1 ? t("imagePreview") : each.content),
        where && h("bdi", { class: "row-where" }, where),
      ),
    ),
  );
}

/** @param {Conversation} chosen */
export function findPane(chosen) {
  const found = ui.inside?.id === chosen.id ? ui.inside.messages : null;
  const members = state.members[chosen.id]?.members ?? [];
  return h(
    "aside",
    { class: "details-pane", key: "find", "aria-label": t("findInConversation") },
    h("header", { class: "pane-head" }, h("h2", null, t("findInConversation")), h("a", { class: "icon-button", href: `#/c/${chosen.id}`, "aria-label": t("close") }, icon("close"))),
    h(
      "div",
      { class: "details-body" },
      form({
        key: `find-${chosen.id}`,
        fields: [
          field(t("containsText"), "content", { type: "search", maxlength: "255", autofocus: true }),
          senderField(members),
          field(t("fromTime"), "start_time", { type: "datetime-local" }),
          field(t("untilTime"), "end_time", { type: "datetime-local" }),
        ],
        submit: t("search"),
        onSubmit: async ({ content, sender, start_time, end_time }) => {
          const who = members.length > 0 ? { sender_id: sender } : { sender_name: sender };
          const fields = { conversationId: chosen.id, content, ...who, start_time: utc(start_time), end_time: utc(end_time) };
          const { messages } = await api.get("/conversations/manage_messages", fields);
          ui.inside = { id: chosen.id, messages: messages.reverse() };
        },
      }),
      found && h("p", { class: "quiet", role: "status" }, t("foundCount", { n: found.length })),
      found && h("ul", { class: "rows" }, found.slice(0, 200).map((each) => result(each, chosen.id, "", `c/${chosen.id}`))),
    ),
  );
}

/** Groups offer their members; in private chats a part of the name is enough. @param {import("../store.js").Member[]} members */
function senderField(members) {
  if (members.length === 0) return field(t("senderName"), "sender", { maxlength: "255" });
  return h(
    "label",
    { class: "field" },
    h("span", { class: "field-label" }, t("senderName")),
    h("select", { name: "sender" }, h("option", { value: "" }, t("anybody")), members.map((each) => h("option", { key: each.id, value: String(each.id) }, each.name))),
  );
}

/** @param {string} local @returns {string} the same moment in UTC, or nothing */
const utc = (local) => (local === "" ? "" : new Date(local).toISOString());
