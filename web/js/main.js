/** The entry point: load the configuration and the texts, then render the page. */

import { start } from "./actions/connection.js";
import { get } from "./api.js";
import { h, render } from "./dom.js";
import { setLanguage, language } from "./i18n.js";
import { startRouter } from "./router.js";
import * as session from "./session.js";
import { change, draw, state, subscribe } from "./store.js";
import { setTheme, theme } from "./theme.js";
import { button } from "./ui/index.js";
import { app } from "./views/app.js";
import { afterDraw, beforeDraw } from "./views/conversation.js";

const root = /** @type {HTMLElement} */ (document.getElementById("app"));

setTheme(theme());
startRouter();
// Without a configuration, passwords are sent in plaintext, which the server may refuse.
const configured = get("/web/config.json").catch(() => state.config);
await setLanguage(language).then(async () => show(await configured), showFailure);

function show(/** @type {State["config"]} */ config) {
  change({ config });
  subscribe(() => {
    beforeDraw();
    render(root, app());
    afterDraw();
  });
  draw();
  if (session.userId() !== null) start();
}

/** Without texts there is nothing to show but a sentence in both languages. */
function showFailure() {
  render(root, [
    h("main.entrance.centered",
      h("p", { role: "alert" }, "This page could not be loaded. 页面加载失败。"),
      button("Try again 重试", () => location.reload()),
    ),
  ]);
}
