/** The entrance: sign in, register (or restore), and a forgotten password. */

import { start } from "../actions/connection.js";
import * as api from "../api.js";
import { h } from "../dom.js";
import { t } from "../i18n.js";
import * as passwords from "../passwords.js";
import * as session from "../session.js";
import { change, state } from "../store.js";
import { attempt, field, form, FormError, icon, link, resetForm, toast } from "../ui/index.js";
import { languageSwitch } from "./settings.js";

/** @typedef {keyof typeof MODES} Mode */

const MODES = { in: signIn, up: signUp, forgot, reset };

const wasEnded = session.takeEnded();
const ui = {
  /** @type {Mode} */
  mode: "in",
  email: "",
  /** @type {string | null} The code of the mail, if the page can read it. */
  code: null,
  isConfirmed: false,
};

function show(/** @type {Mode} */ mode) {
  resetForm(mode);
  Object.assign(ui, { mode, code: null, isConfirmed: false });
  change();
}

export const signInPage = () =>
  h("main.entrance", { id: "main", key: "entrance" },
    h("div.entrance-card",
      h("div.brand",
        h("img", { src: "/web/icon.svg", alt: "", width: "44" }),
        h("h1", t("appName")),
      ),
      h("p.quiet", t("tagline")),
      notices(),
      MODES[ui.mode](),
    ),
    h("footer.entrance-foot", languageSwitch(), h("a", { href: "/docs" }, t("apiDocs"))),
  );

const notices = () => [
  wasEnded && h("p.notice", t("signedOutByServer")),
  passwords.isBlocked() && h("p.notice.problem", { role: "alert" }, t("cannotEncrypt")),
  session.isOwnWindow() &&
    session.isSharedSignedIn() &&
    h("p.notice", t("ownWindow"), " ", link(t("useOtherWindows"), session.useSharedWindow)),
];

/**
 * A form, with links to the other forms below it.
 * @param {string} title
 * @param {Omit<Parameters<typeof form>[0], "key">} described
 * @param {Child[]} others
 */
const page = (title, { fields, ...described }, ...others) => [
  form({ key: ui.mode, fields: [h("h2", title), fields], ...described }),
  h("p.switch", others),
];

/** @param {string} text @param {Mode} mode */
const other = (text, mode) => link(text, () => show(mode));

const emailField = (autofocus = true) =>
  field(t("email"), "email", {
    type: "email",
    autocomplete: "email",
    required: true,
    autofocus,
    value: ui.email,
    onInput: (/** @type {any} */ event) => {
      ui.email = event.target.value;
      ui.isConfirmed = false;
    },
  });

/** @param {{token: string, id: number}} answer */
function enter({ token, id }) {
  session.begin(token, id);
  ui.email = "";
  change();
  start();
}

function signIn() {
  const isClosed = state.config.registration === "closed";
  return page(t("signIn"),
    {
      fields: [emailField(), passwords.passwordField(t("password"))],
      submit: t("signIn"),
      isDisabled: passwords.isBlocked(),
      onSubmit: async ({ email, password }) =>
        enter(await passwords.post("/account/login", { email, password })),
      after: other(t("forgotPassword"), "forgot"),
    },
    isClosed ? t("registrationClosed") : t("noAccount"),
    other(isClosed ? t("restoreAccount") : t("register"), "up"),
  );
}

function signUp() {
  const common = { required: true, autofocus: true, problem: t("errorName") };
  const name = { maxlength: "20", autocomplete: "nickname", ...common };
  return page(t("register"),
    {
      fields: [
        field(t("name"), "name", name),
        emailField(false),
        confirmation(),
        passwords.newPasswordField(t("password")),
        h("p.field-hint", t("restoreHint")),
      ],
      submit: t("register"),
      isDisabled: passwords.isBlocked(),
      onSubmit: async ({ name, email, password }) => {
        if (ui.code !== null && !ui.isConfirmed) throw new FormError(t("confirmFirst"));
        const answer = await passwords.post("/account/reg", { name, email, password });
        enter(answer);
        // The API's text of a restored account.
        if (answer.message === "已恢复账户") toast(t("restored"));
      },
    },
    t("haveAccount"),
    other(t("signIn"), "in"),
  );
}

/** A proof of the e-mail, which is optional: as the API has it, the code is compared here. */
function confirmation() {
  if (!passwords.canEncrypt()) return null;
  if (ui.isConfirmed) return h("p.confirmed", icon("check"), t("emailConfirmed"));
  if (ui.code === null) return link(t("confirmEmail"), sendCode);
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

const sendCode = () =>
  attempt(async () => {
    const { verify_code } = await api.post("/verify", { email: ui.email });
    ui.code = await passwords.decode(verify_code);
    change();
  });

function forgot() {
  return page(t("forgotPassword"),
    {
      fields: [h("p.quiet", t("forgotHint")), emailField()],
      submit: t("sendCode"),
      onSubmit: async ({ email }) => {
        await api.post("/account/password/forgot", { email });
        show("reset");
      },
    },
    other(t("signIn"), "in"),
    other(t("haveCode"), "reset"),
  );
}

function reset() {
  const code = { inputmode: "numeric", maxlength: "8", autocomplete: "one-time-code" };
  return page(t("newPassword"),
    {
      fields: [
        h("p.quiet", t("resetHint")),
        emailField(),
        field(t("code"), "code", code),
        passwords.newPasswordField(t("newPassword")),
      ],
      submit: t("save"),
      isDisabled: passwords.isBlocked(),
      onSubmit: async ({ email, code, password }) => {
        await passwords.post("/account/password/reset", { email, code, password });
        show("in");
        toast(t("passwordChanged"));
      },
    },
    other(t("signIn"), "in"),
  );
}
