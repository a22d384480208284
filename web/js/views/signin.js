/** The entrance: sign in, register (or restore), and a forgotten password. */

import { start } from "../actions.js";
import * as api from "../api.js";
import { h } from "../dom.js";
import { describe } from "../errors.js";
import { t } from "../i18n.js";
import * as passwords from "../passwords.js";
import * as session from "../session.js";
import { change, state } from "../store.js";
import { field, form, FormError, resetForm } from "../ui/form.js";
import { icon } from "../ui/icons.js";
import { toast } from "../ui/toast.js";
import { languageSwitch } from "./settings.js";

/** @typedef {"in" | "up" | "forgot" | "reset"} Mode */

const wasEnded = session.takeEnded();
const ui = {
  /** @type {Mode} */
  mode: "in",
  email: "",
  /** @type {string | null} The code that was mailed, where this page can read it. */
  code: null,
  isConfirmed: false,
};

/** @param {Mode} mode */
function show(mode) {
  for (const key of ["in", "up", "forgot", "reset"]) resetForm(key);
  Object.assign(ui, { mode, code: null, isConfirmed: false });
  change();
}

export function signInPage() {
  return h(
    "main",
    { id: "main", class: "entrance", key: "entrance" },
    h(
      "div",
      { class: "entrance-card" },
      h("div", { class: "brand" }, h("img", { src: "/web/icon.svg", alt: "", width: "44", height: "44" }), h("h1", null, t("appName"))),
      h("p", { class: "quiet" }, t("tagline")),
      notices(),
      { in: signIn, up: signUp, forgot, reset }[ui.mode](),
    ),
    h("footer", { class: "entrance-foot" }, languageSwitch(), h("a", { href: "/docs" }, t("apiDocs"))),
  );
}

const notices = () => [
  wasEnded && h("p", { class: "notice" }, t("signedOutByServer")),
  passwords.isBlocked() && h("p", { class: "notice problem", role: "alert" }, t("cannotEncrypt")),
  session.isOwnWindow() &&
    session.isSharedSignedIn() &&
    h(
      "p",
      { class: "notice" },
      t("ownWindow"),
      h("button", { type: "button", class: "link", onClick: session.useSharedWindow }, t("useOtherWindows")),
    ),
];

const emailField = () =>
  field(t("email"), "email", {
    type: "email",
    autocomplete: "email",
    required: true,
    autofocus: true,
    value: ui.email,
    onInput: (/** @type {any} */ event) => {
      ui.email = event.target.value;
      ui.isConfirmed = false;
    },
  });

/** @param {"current-password" | "new-password"} autocomplete */
const passwordField = (autocomplete) =>
  field(autocomplete === "new-password" && ui.mode === "reset" ? t("newPassword") : t("password"), "password", {
    type: "password",
    autocomplete,
    required: true,
    maxlength: "20",
    hint: autocomplete === "new-password" ? t("passwordRules") : undefined,
  });

/** @param {string} password */
function checked(password) {
  if (!passwords.PASSWORD_PATTERN.test(password)) throw new FormError(t("errorPasswordIllegal"));
  return passwords.encode(password);
}

/** @param {{token: string, id: number}} answer */
function enter({ token, id }) {
  session.begin(token, id);
  ui.email = "";
  change();
  start();
}

const other = (/** @type {string} */ text, /** @type {Mode} */ mode) =>
  h("button", { type: "button", class: "link", onClick: () => show(mode) }, text);

function signIn() {
  return [
    form({
      key: "in",
      fields: [h("h2", null, t("signIn")), emailField(), passwordField("current-password")],
      submit: t("signIn"),
      isDisabled: passwords.isBlocked(),
      onSubmit: async ({ email, password }) =>
        enter(await api.post("/account/login", { email, password: await passwords.encode(password) })),
      after: other(t("forgotPassword"), "forgot"),
    }),
    state.config.registration === "closed"
      ? h("p", { class: "switch" }, t("registrationClosed"), " ", other(t("restoreAccount"), "up"))
      : h("p", { class: "switch" }, t("noAccount"), " ", other(t("register"), "up")),
  ];
}

function signUp() {
  return [
    form({
      key: "up",
      fields: [
        h("h2", null, t("register")),
        field(t("name"), "name", { required: true, maxlength: "20", autocomplete: "nickname", autofocus: true }),
        emailField(),
        confirmation(),
        passwordField("new-password"),
        h("p", { class: "field-hint" }, t("restoreHint")),
      ],
      submit: t("register"),
      isDisabled: passwords.isBlocked(),
      onSubmit: async ({ name, email, password }) => {
        if (ui.code !== null && !ui.isConfirmed) throw new FormError(t("confirmFirst"));
        const answer = await api.post("/account/reg", { name, email, password: await checked(password) });
        enter(answer);
        // The document's own words: the account was there before.
        if (answer.message === "已恢复账户") toast(t("restored"));
      },
    }),
    h("p", { class: "switch" }, t("haveAccount"), " ", other(t("signIn"), "in")),
  ];
}

/** Whether the e-mail is one's own: as the API has it, the code is compared here. It may be left out. */
function confirmation() {
  if (!passwords.canEncrypt()) return null;
  if (ui.isConfirmed) return h("p", { class: "confirmed" }, icon("check"), t("emailConfirmed"));
  if (ui.code === null) {
    return h("button", { type: "button", class: "link", onClick: sendCode }, t("confirmEmail"));
  }
  return field(t("code"), "code", {
    inputmode: "numeric",
    maxlength: "6",
    autocomplete: "one-time-code",
    hint: t("codeSent"),
    onInput: (/** @type {any} */ event) => {
      if (event.target.value !== ui.code) return;
      ui.isConfirmed = true;
      change();
    },
  });
}

async function sendCode() {
  try {
    const { verify_code } = await api.post("/verify", { email: ui.email });
    ui.code = await passwords.decode(verify_code);
    change();
  } catch (error) {
    toast(describe(error), "problem");
  }
}

function forgot() {
  return [
    form({
      key: "forgot",
      fields: [h("h2", null, t("forgotPassword")), h("p", { class: "quiet" }, t("forgotHint")), emailField()],
      submit: t("sendCode"),
      onSubmit: async ({ email }) => {
        await api.post("/account/password/forgot", { email });
        show("reset");
      },
    }),
    h("p", { class: "switch" }, other(t("signIn"), "in"), other(t("haveCode"), "reset")),
  ];
}

function reset() {
  return [
    form({
      key: "reset",
      fields: [
        h("h2", null, t("newPassword")),
        h("p", { class: "quiet" }, t("resetHint")),
        emailField(),
        field(t("code"), "code", { inputmode: "numeric", maxlength: "8", autocomplete: "one-time-code" }),
        passwordField("new-password"),
      ],
      submit: t("save"),
      isDisabled: passwords.isBlocked(),
      onSubmit: async ({ email, code, password }) => {
        await api.post("/account/password/reset", { email, code, password: await checked(password) });
        show("in");
        toast(t("passwordChanged"));
      },
    }),
    h("p", { class: "switch" }, other(t("signIn"), "in")),
  ];
}
