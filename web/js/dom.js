/**
 * Virtual elements, and the smallest change of the page that renders them.
 *
 * Text only ever becomes text nodes, and URLs are limited to kinds that cannot run code.
 */

const SVG = "http://www.w3.org/2000/svg";
const SAFE_URL = /^(#|\/(?!\/)|https?:\/\/|blob:|data:image\/)/i;
const PROPERTIES = new Set(["disabled", "defaultValue"]);
/** Properties that users change, too: always set. */
const CONTROLLED = new Set(["value", "checked"]);

/** @type {WeakMap<Node, VElement>} */
const rendered = new WeakMap();

/**
 * Describe an element: `h("p.quiet", { dir: "auto" }, "text")`. Props are optional: `on…` handlers,
 * `key`, `ref` (called once, with the element, after it was inserted), `class` (further classes, of
 * which the false ones are left out), and attributes.
 * `selector`: tag and classes. `parts`: props, if any, and children.
 * @type {(selector: string, ...parts: (Props | Child)[]) => VElement}
 */
export function h(selector, ...parts) {
  const [tag, ...classes] = selector.split(".");
  const hasProps = isProps(parts[0]);
  const { class: more = [], ...props } = /** @type {Props} */ (hasProps ? parts[0] : {});
  const names = [...classes, ...[more].flat()].filter(Boolean).join(" ");
  if (names) props.class = names;
  if (tag === "button") props.type ??= "button";
  return { tag, props, children: flatten(hasProps ? parts.slice(1) : parts, []) };
}

const isProps = (/** @type {any} */ part) =>
  typeof part === "object" && part !== null && !Array.isArray(part) && !("tag" in part);

/** @param {any[]} children @param {VNode[]} into */
function flatten(children, into) {
  for (const child of children) {
    if (Array.isArray(child)) flatten(child, into);
    else if (typeof child === "number") into.push(String(child));
    else if (child || child === "") into.push(child);
  }
  return into;
}

/**
 * Memoize a view by the object that it shows: `render()` skips an identical element.
 * @template {object} T
 * @param {(of: T, ...rest: any[]) => VElement} view
 * @returns {(of: T, ...rest: any[]) => VElement} for an object that is replaced when it changes
 */
export function memoized(view) {
  /** @type {WeakMap<T, {rest: any[], element: VElement}>} */
  const known = new WeakMap();
  return (of, ...rest) => {
    const before = known.get(of);
    if (before?.rest.every((each, index) => each === rest[index])) return before.element;
    const element = view(of, ...rest);
    known.set(of, { rest, element });
    return element;
  };
}

/**
 * Render virtual elements as the children of an element.
 * @type {(parent: Element, wanted: VNode[]) => void}
 */
export function render(parent, wanted) {
  /** @type {Map<string, ChildNode>} */
  const keyed = new Map();
  /** @type {ChildNode[]} */
  const unkeyed = [];
  for (const node of parent.childNodes) {
    const key = rendered.get(node)?.props.key;
    if (key === undefined) unkeyed.push(node);
    else keyed.set(String(key), node);
  }
  const reused = new Set();
  const nodes = wanted.map((vnode) => {
    const node = reusable(vnode, keyed, unkeyed);
    if (node === undefined) return create(vnode, parent.namespaceURI === SVG);
    reused.add(node);
    update(node, vnode);
    return node;
  });
  for (const node of [...parent.childNodes]) if (!reused.has(node)) node.remove();
  let next = parent.firstChild;
  for (const node of nodes) {
    if (node === next) next = node.nextSibling;
    else parent.insertBefore(node, next);
  }
}

/** @param {VNode} vnode @param {Map<string, ChildNode>} keyed @param {ChildNode[]} unkeyed */
function reusable(vnode, keyed, unkeyed) {
  if (typeof vnode !== "string" && vnode.props.key !== undefined) {
    const key = String(vnode.props.key);
    const node = keyed.get(key);
    if (node === undefined || rendered.get(node)?.tag !== vnode.tag) return undefined;
    keyed.delete(key);
    return node;
  }
  const candidate = unkeyed[0];
  if (candidate === undefined) return undefined;
  const fits =
    typeof vnode === "string"
      ? candidate.nodeType === Node.TEXT_NODE
      : rendered.get(candidate)?.tag === vnode.tag;
  return fits ? unkeyed.shift() : undefined;
}

/** @param {VNode} vnode @param {boolean} inSvg @returns {ChildNode} */
function create(vnode, inSvg) {
  if (typeof vnode === "string") return document.createTextNode(vnode);
  const { tag } = vnode;
  const isSvg = inSvg || tag === "svg";
  const element = isSvg ? document.createElementNS(SVG, tag) : document.createElement(tag);
  const ref = vnode.props.ref;
  update(element, vnode);
  if (ref) queueMicrotask(() => ref(element));
  return element;
}

/** @param {ChildNode} node @param {VNode} vnode */
function update(node, vnode) {
  if (typeof vnode === "string") {
    if (node.nodeValue !== vnode) node.nodeValue = vnode;
    return;
  }
  const element = /** @type {Element} */ (node);
  const before = rendered.get(element);
  if (before === vnode) return;
  rendered.set(element, vnode);
  const old = before?.props ?? {};
  for (const name of Object.keys(old)) if (!(name in vnode.props)) setProp(element, name, null);
  render(element, vnode.children);
  for (const [name, value] of Object.entries(vnode.props)) {
    if (value !== old[name] || CONTROLLED.has(name)) setProp(element, name, value);
  }
}

/** @param {any} element @param {string} name @param {any} value */
function setProp(element, name, value) {
  if (name === "key" || name === "ref") return;
  if (name.startsWith("on")) element[name.toLowerCase()] = value;
  else if (CONTROLLED.has(name)) {
    if (element[name] !== value) element[name] = value ?? "";
  } else if (PROPERTIES.has(name)) element[name] = value ?? "";
  else if (value === null || value === undefined || value === false) element.removeAttribute(name);
  else if (/^(href|src)$/.test(name) && !SAFE_URL.test(value)) element.removeAttribute(name);
  else element.setAttribute(name, value === true ? "" : String(value));
}
