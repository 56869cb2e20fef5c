// Makes and fills elements. Text is always set as text: nothing that comes from a document is ever read as HTML.

const SVG = "http://www.w3.org/2000/svg";

export function byId(id) {
  return document.getElementById(id);
}

/** An element with properties, attributes ("aria-…", "data-…", "role"), listeners ("onclick") and children. */
export function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined) continue;
    if (key === "style") for (const [rule, what] of Object.entries(value)) made.style.setProperty(rule, what);
    else if (key.includes("-") || key === "role") made.setAttribute(key, value);
    else made[key] = value;
  }
  made.append(...children.filter((child) => child !== undefined && child !== null));
  return made;
}

export function svg(name, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** A list that begins with its first items, and shows the others when asked to. */
export function shortened(list, items, count) {
  list.append(...items.slice(0, count));
  if (items.length <= count) return [list];
  const rest = items.slice(count);
  const more = element("button", { type: "button", className: "more", textContent: `Show ${rest.length} more` });
  more.onclick = () => {
    list.append(...rest);
    more.remove();
    (rest[0].querySelector("button") ?? list).focus();
  };
  return [list, more];
}
