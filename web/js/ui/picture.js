/** Choosing a picture for a person or a group. */

import { h } from "../dom.js";
import { t } from "../i18n.js";
import { change } from "../store.js";
import { avatar } from "./avatar.js";

/** @param {File} file @returns {Promise<string>} a data URI */
const read = (file) =>
  new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });

/**
 * @param {string} first the picture so far
 * @param {{id: number, name: string}} of
 */
export function pictureField(first, of) {
  const picture = {
    value: first,
    view: () =>
      h(
        "div",
        { class: "picture-field" },
        avatar({ ...of, avatar: picture.value }, "large"),
        h(
          "label",
          { class: "button" },
          t("choosePicture"),
          h("input", {
            type: "file",
            class: "visually-hidden",
            accept: "image/png,image/jpeg,image/gif,image/webp",
            onChange: async (/** @type {any} */ event) => {
              const [file] = event.target.files;
              if (file) picture.value = await read(file);
              change();
            },
          }),
        ),
        picture.value !== "" &&
          h(
            "button",
            {
              type: "button",
              class: "link",
              onClick: () => {
                picture.value = "";
                change();
              },
            },
            t("removePicture"),
          ),
      ),
  };
  return picture;
}
