/** All components of the screens. */

export * from "./avatar.js";
export * from "./dialog.js";
export * from "./form.js";
export * from "./icons.js";
export * from "./menu.js";
export * from "./parts.js";
export * from "./picture.js";
export * from "./toast.js";
