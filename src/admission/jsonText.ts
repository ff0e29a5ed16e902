/** A place inside a row of JSON: the top-level key, the whole path, and what is written there. */
export type Spot = { column: string; path: string };

/**
 * What JSON.parse does not tell: where exactly a text is broken (from 1), which keys are given twice, and which numbers
 * are written with a point or an exponent and may have been rounded.
 */
export type Survey =
  | { ok: true; twice: Spot[]; fractions: (Spot & { text: string })[] }
  | { ok: false; at: number; problem: string };

const DEEPEST = 64;

class Fault extends Error {
  readonly at: number;

  constructor(at: number, problem: string) {
    super(problem);
    this.at = at;
  }
}

type Source = {
  text: string;
  at: number;
  path: (string | number)[];
  twice: Spot[];
  fractions: (Spot & { text: string })[];
};

/** Accepts exactly what JSON.parse accepts, except values nested deeper than 64. */
export function surveyJson(text: string): Survey {
  const source: Source = { text, at: 0, path: [], twice: [], fractions: [] };
  try {
    space(source);
    value(source);
    space(source);
    if (source.at < text.length) throw new Fault(source.at, "nothing may follow here");
    return { ok: true, twice: source.twice, fractions: source.fractions };
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    const problem = error.at < text.length ? error.message : `the line ends early, ${error.message}`;
    return { ok: false, at: error.at + 1, problem };
  }
}

function value(source: Source): void {
  if (source.path.length > DEEPEST) throw new Fault(source.at, `nested deeper than ${DEEPEST}`);
  switch (source.text[source.at]) {
    case "{":
      return members(source);
    case "[":
      return elements(source);
    case '"':
      return string(source);
    default:
      return scalar(source);
  }
}

function members(source: Source): void {
  const keys = new Set<string>();
  source.at++;
  space(source);
  if (accept(source, "}")) return;
  do {
    space(source);
    const start = source.at;
    if (source.text[start] !== '"') throw new Fault(start, "a key in double quotes belongs here");
    string(source);
    const key = JSON.parse(source.text.slice(start, source.at)) as string;
    source.path.push(key);
    if (keys.has(key)) source.twice.push(spot(source));
    keys.add(key);
    space(source);
    if (!accept(source, ":")) throw new Fault(source.at, 'a ":" belongs here');
    space(source);
    value(source);
    space(source);
    source.path.pop();
  } while (accept(source, ","));
  if (!accept(source, "}")) throw new Fault(source.at, 'a "," or "}" belongs here');
}

function elements(source: Source): void {
  source.at++;
  space(source);
  if (accept(source, "]")) return;
  let index = 0;
  do {
    source.path.push(index++);
    space(source);
    value(source);
    space(source);
    source.path.pop();
  } while (accept(source, ","));
  if (!accept(source, "]")) throw new Fault(source.at, 'a "," or "]" belongs here');
}

const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;

// Character by character: a regular expression for all of it runs out of stack on a string of some megabytes.
function string(source: Source): void {
  const { text } = source;
  let at = source.at + 1;
  for (;;) {
    const unit = text.charCodeAt(at);
    if (unit === 0x22) break;
    if (unit === 0x5c) {
      ESCAPE.lastIndex = at;
      if (!ESCAPE.test(text)) throw new Fault(at, "this is not an escape");
      at = ESCAPE.lastIndex;
    } else if (unit >= 0x20) at++;
    else
      throw new Fault(
        at,
        at < text.length ? "a control character is written as an escape" : "inside a string",
      );
  }
  source.at = at + 1;
}

const SCALAR = /true|false|null|-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y;

function scalar(source: Source): void {
  SCALAR.lastIndex = source.at;
  const match = SCALAR.exec(source.text);
  if (match === null) throw new Fault(source.at, "a value belongs here");
  const [text, fraction, exponent] = match;
  if (fraction !== undefined || exponent !== undefined) source.fractions.push({ ...spot(source), text });
  source.at += text.length;
}

function accept(source: Source, char: string): boolean {
  if (source.text[source.at] !== char) return false;
  source.at++;
  return true;
}

function space(source: Source): void {
  for (let unit = source.text.charCodeAt(source.at); ; unit = source.text.charCodeAt(++source.at))
    if (unit !== 0x20 && unit !== 0x09 && unit !== 0x0a && unit !== 0x0d) return;
}

function spot({ path }: Source): Spot {
  const text = path
    .map((step, i) => (typeof step === "number" ? `[${step}]` : i === 0 ? step : `.${step}`))
    .join("");
  return { column: String(path[0]), path: text };
}
