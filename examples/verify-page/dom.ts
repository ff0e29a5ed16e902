type Child = Node | string | null;

/**
 * An element. Whatever a stranger wrote comes in as a child or an attribute and stays text: nothing on this page is
 * ever read as HTML.
 */
export function el<K extends keyof HTMLElementTagNameMap>(
  name: K,
  attributes: { [name: string]: string | boolean } = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== false) element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** @throws Error if the page has no such element */
export function byId<T extends HTMLElement>(id: string): T {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`no #${id} on the page`);
  return element as T;
}

const LONGEST = 600; // characters

/**
 * What a stranger wrote, in its own direction and cut where it would push away all else. Characters that are not seen or
 * turn the line around are named instead.
 */
export function quoted(text: string): HTMLElement {
  const cut = text.length > LONGEST ? `${text.slice(0, LONGEST)}… and ${text.length - LONGEST} more` : text;
  return el("bdi", {}, visible(cut));
}

/** What would move a line or is not seen, by its code. */
export function visible(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`,
  );
}
