/** The page as a whole: who is not signed in sees the entrance, everybody else their panes. */

import { reconnect } from "../actions.js";
import { h } from "../dom.js";
import { t } from "../i18n.js";
import { countUnread } from "../model/conversations.js";
import * as session from "../session.js";
import { conversation, state, waitingRequests } from "../store.js";
import { avatar } from "../ui/avatar.js";
import { icon } from "../ui/icons.js";
import { chatList } from "./chats.js";
import { conversationPane } from "./conversation.js";
import { detailsPane } from "./details.js";
import { peopleList, peoplePane } from "./people.js";
import { findPane, searchList } from "./search.js";
import { settingsPane } from "./settings.js";
import { signInPage } from "./signin.js";

/** @returns {import("../dom.js").VNode[]} */
export function app() {
  if (session.userId() === null) {
    document.title = t("appName");
    return [signInPage()];
  }
  const unread = countUnread(state.conversations);
  document.title = unread > 0 ? `(${unread}) ${t("appName")}` : t("appName");
  const [place = "c", id, part] = state.route;
  return [
    h("a", { class: "skip-link", href: "#main", onClick: skip }, t("skipToContent")),
    h(
      "div",
      { class: `shell place-${place} ${id ? "has-main" : ""} ${part ? "has-details" : ""}` },
      rail(place, unread),
      state.isLoaded ? panes(place, id, part) : loading(),
      connectionNotice(),
    ),
    h("div", { class: "visually-hidden", role: "log", key: "heard" }, state.heard),
  ];
}

/** @param {Event} event */
function skip(event) {
  event.preventDefault();
  document.getElementById("main")?.focus();
}

const loading = () =>
  h("main", { id: "main", key: "loading", class: "main-pane empty", tabindex: "-1" }, h("div", { class: "spinner", role: "status", "aria-label": t("loading") }));

/**
 * @param {string} place
 * @param {string | undefined} id
 * @param {string | undefined} part
 */
function panes(place, id, part) {
  if (place === "me") return settingsPane();
  if (place === "people") return [peopleList(id), peoplePane(id, part)];
  if (place === "search") return [searchList(), chosenConversation(id)];
  const chosen = id ? conversation(Number(id)) : undefined;
  return [
    chatList(Number(id)),
    chosenConversation(id),
    chosen && part === "info" && detailsPane(chosen),
    chosen && part === "find" && findPane(chosen),
  ];
}

/** @param {string | undefined} id */
function chosenConversation(id) {
  const chosen = id ? conversation(Number(id)) : undefined;
  if (chosen) return conversationPane(chosen);
  return h(
    "main",
    { id: "main", key: "nothing", class: "main-pane empty", tabindex: "-1" },
    h("div", { class: "empty-note" }, icon("chat", "big"), h("p", null, t("chooseConversation"))),
  );
}

/**
 * @param {string} place
 * @param {number} unread
 */
function rail(place, unread) {
  const requests = waitingRequests().length;
  return h(
    "nav",
    { class: "rail", key: "rail", "aria-label": t("navigation") },
    railLink("c", "chat", t("chats"), place === "c", unread),
    railLink("people", "people", t("people"), place === "people", requests),
    railLink("search", "search", t("search"), place === "search", 0),
    h(
      "a",
      { class: "rail-link rail-me", href: "#/me", "aria-current": place === "me" ? "page" : null },
      state.me ? avatar(state.me, "small") : icon("settings"),
      h("span", { class: "rail-label" }, t("me")),
    ),
  );
}

/**
 * @param {string} path
 * @param {Parameters<typeof icon>[0]} picture
 * @param {string} label
 * @param {boolean} isCurrent
 * @param {number} count
 */
const railLink = (path, picture, label, isCurrent, count) =>
  h(
    "a",
    { class: "rail-link", href: `#/${path}`, "aria-current": isCurrent ? "page" : null },
    icon(picture),
    h("span", { class: "rail-label" }, label),
    count > 0 &&
      h("span", { class: "badge" }, count > 99 ? "99+" : count, h("span", { class: "visually-hidden" }, t("unreadHint"))),
  );

function connectionNotice() {
  if (state.connection === "too-many") {
    return h(
      "div",
      { class: "connection", role: "status", key: "connection" },
      t("tooManyWindows"),
      h("button", { type: "button", class: "link", onClick: reconnect }, t("connectHere")),
    );
  }
  const text = state.connection === "offline" ? t("offline") : "";
  return h("div", { class: text ? "connection" : "connection is-quiet", role: "status", key: "connection" }, text);
}
