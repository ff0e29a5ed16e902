import { quoted } from "../output.js";

/** A line of a terminal, before anybody knows how wide that is. */
export type Line = readonly Span[];
export type Span = { text: string; style: Style };
export type Style = "plain" | "strong" | "faint" | "good" | "slow" | "bad";

/** SGR of ECMA-48: only what every palette has, so that the terminal's own colours stay. */
const SGR: { [style in Style]: string } = {
  plain: "",
  strong: "1",
  faint: "2",
  good: "32",
  slow: "33",
  bad: "31",
};

export function span(text: string, style: Style = "plain"): Span {
  return { text, style };
}

/** A line as it is written: never wider than `columns`, and cut with a mark where something is missing. */
export function paint(line: Line, columns: number, colour: boolean): string {
  let left = columns;
  let painted = "";
  for (const [index, { text, style }] of line.entries()) {
    const rest = line.slice(index + 1).some((later) => later.text !== "");
    const shown = cut(text, left, rest && widthOf(text) >= left);
    left -= widthOf(shown);
    painted += colour && SGR[style] !== "" && shown !== "" ? `\u001b[${SGR[style]}m${shown}\u001b[0m` : shown;
    if (left === 0) break;
  }
  return painted.trimEnd();
}

/** A text in exactly so many columns, on the left of them. */
export function left(text: string, columns: number): string {
  const shown = cut(quoted(text), columns);
  return shown + " ".repeat(columns - widthOf(shown));
}

/** The same on the right: digits keep their places while a number grows. */
export function right(text: string, columns: number): string {
  const shown = cut(quoted(text), columns);
  return " ".repeat(columns - widthOf(shown)) + shown;
}

/** As much of a text as fits. @param more whether something follows that will not be seen */
function cut(text: string, columns: number, more = false): string {
  if (!more && widthOf(text) <= columns) return text;
  if (columns <= 0) return "";
  let shown = "";
  let width = 0;
  for (const character of text) {
    width += widthOf(character);
    if (width > columns - 1) break;
    shown += character;
  }
  return `${shown}…`;
}

/** Columns that a text takes: two for what East Asian Width calls wide and for pictures, none for what sits on another. */
export function widthOf(text: string): number {
  let width = 0;
  for (const character of text) width += NONE.test(character) ? 0 : WIDE.test(character) ? 2 : 1;
  return width;
}

const NONE = /^[\p{Mn}\p{Me}\p{Cf}\p{Cc}]$/u;
/** Nothing is called narrow here that is wide in Unicode 16: a column too many is a gap, one too few is over the edge. */
const WIDE =
  /^[\p{Emoji_Presentation}\u1100-\u115f\u2329\u232a\u2630-\u2637\u268a-\u268f\u2e80-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{10000}-\u{3fffd}]$/u;
