/** Choosing a picture for a person or a group. */

import { h } from "../dom.js";
import { t } from "../i18n.js";
import { change } from "../store.js";
import { avatar } from "./avatar.js";
import { link } from "./parts.js";

export const PICTURES = "image/png,image/jpeg,image/gif,image/webp";

/** @param {File} file @returns {Promise<string>} a data URI */
const read = (file) =>
  new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });

/** @param {Named} of the picture so far, and whose it is */
export function pictureField(of) {
  const set = (/** @type {string} */ value) => {
    picture.value = value;
    change();
  };
  const onChange = async (/** @type {any} */ event) => {
    const [file] = event.target.files;
    if (file) set(await read(file));
  };
  const picture = {
    value: of.avatar,
    view: () =>
      h("div.picture-field",
        avatar({ ...of, avatar: picture.value }, "large"),
        h("label.button",
          t("choosePicture"),
          h("input.visually-hidden", { type: "file", accept: PICTURES, onChange }),
        ),
        picture.value !== "" && link(t("removePicture"), () => set("")),
      ),
  };
  return picture;
}
