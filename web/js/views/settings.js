/** One's own account, and how the page looks. */

import { attempt, refreshProfile, signOut } from "../actions.js";
import * as api from "../api.js";
import { h } from "../dom.js";
import { full } from "../format.js";
import { language, setLanguage, t } from "../i18n.js";
import * as passwords from "../passwords.js";
import * as session from "../session.js";
import { change, state } from "../store.js";
import { setTheme, theme } from "../theme.js";
import { avatar } from "../ui/avatar.js";
import { confirm, openDialog } from "../ui/dialog.js";
import { field, form, FormError, resetForm } from "../ui/form.js";
import { icon } from "../ui/icons.js";
import { pictureField } from "../ui/picture.js";
import { toast } from "../ui/toast.js";
import { unblock } from "./person.js";

const ui = {
  /** @type {any[] | null} */
  sessions: null,
  isAsked: false,
};

export function settingsPane() {
  if (!ui.isAsked) {
    ui.isAsked = true;
    loadSessions();
  }
  return h(
    "main",
    { id: "main", class: "main-pane page", key: "me", tabindex: "-1" },
    h("div", { class: "page-column" }, h("h1", { class: "visually-hidden" }, t("settings")), state.me && account(state.me), appearance(), sessions(), blocked(), leaving()),
  );
}

/** @param {import("../store.js").Profile} me */
const account = (me) =>
  h(
    "section",
    { class: "card" },
    h(
      "div",
      { class: "card-person" },
      avatar(me, "huge"),
      h("h2", { class: "wrap" }, h("bdi", null, me.name)),
      h("p", { class: "quiet wrap" }, me.email),
      me.user_info && h("p", { class: "about wrap", dir: "auto" }, me.user_info),
    ),
    h(
      "div",
      { class: "actions centered" },
      h("button", { type: "button", class: "button", onClick: () => openProfile(me) }, icon("edit"), t("editProfile")),
      h("button", { type: "button", class: "button", onClick: () => openEmail(me) }, t("changeEmail")),
      h("button", { type: "button", class: "button", onClick: openPassword }, t("changePassword")),
    ),
  );

const ownPassword = () =>
  field(t("currentPassword"), "origin_password", { type: "password", autocomplete: "current-password", maxlength: "20", hint: t("currentPasswordHint") });

/**
 * @param {string} origin
 * @param {Record<string, string>} changes
 */
async function changeAccount(origin, changes) {
  await api.put("/account/info", { origin_password: await passwords.encode(origin), ...changes });
  await refreshProfile();
  toast(t("saved"));
}

/** @param {import("../store.js").Profile} me */
function openProfile(me) {
  resetForm("profile");
  const picture = pictureField(me.avatar, me);
  openDialog(t("editProfile"), (close) =>
    form({
      key: "profile",
      fields: [
        picture.view(),
        field(t("name"), "name", { maxlength: "20", defaultValue: me.name }),
        field(t("about"), "user_info", { maxlength: "255", rows: 3, defaultValue: me.user_info }),
        ownPassword(),
      ],
      submit: t("save"),
      onSubmit: async ({ name, user_info, origin_password }) => {
        await changeAccount(origin_password, { name, user_info, avatar: picture.value });
        close();
      },
    }),
  );
}

/** @param {import("../store.js").Profile} me */
function openEmail(me) {
  resetForm("email");
  openDialog(t("changeEmail"), (close) =>
    form({
      key: "email",
      fields: [field(t("newEmail"), "email", { type: "email", defaultValue: me.email }), ownPassword()],
      submit: t("save"),
      onSubmit: async ({ email, origin_password }) => {
        await changeAccount(origin_password, { email });
        close();
      },
    }),
  );
}

function openPassword() {
  resetForm("password");
  openDialog(t("changePassword"), (close) =>
    form({
      key: "password",
      fields: [
        ownPassword(),
        field(t("newPassword"), "password", { type: "password", autocomplete: "new-password", maxlength: "20", hint: t("passwordRules") }),
      ],
      submit: t("save"),
      onSubmit: async ({ password, origin_password }) => {
        if (!passwords.PASSWORD_PATTERN.test(password)) throw new FormError(t("errorPasswordIllegal"));
        await changeAccount(origin_password, { password: await passwords.encode(password) });
        close();
        loadSessions();
      },
    }),
  );
}

const appearance = () =>
  h(
    "section",
    { class: "card" },
    h("h2", null, t("appearance")),
    h("div", { class: "setting" }, h("span", null, t("language")), languageSwitch()),
    h(
      "label",
      { class: "setting" },
      h("span", null, t("theme")),
      h(
        "select",
        {
          value: theme(),
          onChange: (/** @type {any} */ event) => {
            setTheme(event.target.value);
            change();
          },
        },
        h("option", { value: "auto" }, t("themeAuto")),
        h("option", { value: "light" }, t("themeLight")),
        h("option", { value: "dark" }, t("themeDark")),
      ),
    ),
  );

export function languageSwitch() {
  const option = (/** @type {import("../i18n.js").Language} */ value, /** @type {string} */ label) =>
    h(
      "button",
      {
        type: "button",
        lang: value,
        "aria-pressed": String(language === value),
        onClick: () => {
          setLanguage(value);
          change();
        },
      },
      label,
    );
  return h("div", { class: "segments", role: "group", "aria-label": t("language") }, option("zh", "中文"), option("en", "English"));
}

// --- Where one is signed in ---

async function loadSessions() {
  const answer = await api.get("/account/sessions").catch(() => null);
  ui.sessions = answer?.sessions ?? null;
  change();
}

/** @param {Record<string, any>} which */
const endSessions = (which) =>
  attempt(async () => {
    await api.del("/account/sessions", which);
    await loadSessions();
  }, t("signedOutThere"));

function sessions() {
  const list = ui.sessions;
  return list && h(
    "section",
    { class: "card" },
    h("h2", null, t("sessions")),
    h(
      "ul",
      { class: "plain-list" },
      list.map((each) =>
        h(
          "li",
          { class: "person-row", key: each.id },
          icon("window"),
          h(
            "span",
            { class: "row-text" },
            h("span", { class: "row-name" }, device(each.device), each.current && h("span", { class: "tag" }, t("thisWindow"))),
            h("span", { class: "row-preview" }, `${each.address} · ${t("since", { time: full(each.created_at) })}`),
          ),
          !each.current && h("button", { type: "button", class: "button", onClick: () => endSessions({ session_id: each.id }) }, t("signOut")),
        ),
      ),
    ),
    list.length > 1 && h("button", { type: "button", class: "button wide", onClick: () => endSessions({ others: true }) }, t("signOutOthers")),
  );
}

/** What a browser says about itself, short. @param {string} agent */
function device(agent) {
  const browser = /(Edg|OPR|Firefox|Chrome|Safari)\//.exec(agent)?.[1];
  const system = /(Android|iPhone|iPad|Windows|Mac OS X|Linux)/.exec(agent)?.[1];
  const name = { Edg: "Edge", OPR: "Opera" }[browser ?? ""] ?? browser;
  return [name, system].filter(Boolean).join(", ") || agent || t("unknownDevice");
}

// --- Blocks ---

const blocked = () =>
  state.blocks &&
  h(
    "section",
    { class: "card" },
    h("h2", null, t("blockedPeople")),
    state.blocks.length === 0 && h("p", { class: "quiet" }, t("nobodyBlocked")),
    h(
      "ul",
      { class: "plain-list" },
      state.blocks.map((each) =>
        h("li", { class: "person-row", key: each.id }, avatar(each, "small"), h("bdi", { class: "clip grow" }, each.name), h("button", { type: "button", class: "button", onClick: () => unblock(each.id) }, t("unblock"))),
      ),
    ),
  );

// --- Leaving ---

const leaving = () =>
  h(
    "section",
    { class: "card" },
    h("h2", null, t("account")),
    h(
      "div",
      { class: "actions stacked" },
      h("button", { type: "button", class: "button", onClick: downloadData }, icon("down"), t("downloadData")),
      h("button", { type: "button", class: "button", onClick: session.useOwnWindow }, icon("window"), t("anotherAccount")),
      h("button", { type: "button", class: "button", onClick: signOut }, icon("logout"), t("signOut")),
      h("button", { type: "button", class: "button danger-text", onClick: deleteAccount }, icon("trash"), t("deleteAccount")),
    ),
    h("a", { class: "quiet small", href: "/docs" }, t("apiDocs")),
  );

const downloadData = () =>
  attempt(async () => {
    const url = URL.createObjectURL(await api.download("/account/export"));
    const link = document.createElement("a");
    link.href = url;
    link.download = "ims-export.zip";
    link.click();
    URL.revokeObjectURL(url);
  });

async function deleteAccount() {
  if (!(await confirm(t("deleteAccount"), t("deleteAccountText"), t("deleteAccount")))) return;
  const isDone = await attempt(() => api.del("/account/delete"));
  if (isDone) session.end();
}
