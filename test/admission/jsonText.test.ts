import { expect } from "chai";
import fc from "fast-check";
import { surveyJson } from "../../src/admission/jsonText.js";

function accepts(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

describe("the survey of a JSON text", () => {
  it("accepts what JSON.parse accepts, with any white space", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), fc.constantFrom("", " ", "\t", "\n"), (json, space) => {
        const text = space + JSON.stringify(json, null, space) + space;
        expect(surveyJson(text)).to.have.property("ok", true);
      }),
    );
  });

  it("accepts and refuses as JSON.parse does when a text is damaged", function () {
    this.timeout(60_000);
    const damage = fc.record({
      at: fc.nat(),
      cut: fc.nat({ max: 2 }),
      put: fc.oneof(
        fc.constantFrom(
          ...'{}[]:,"\\ \t\n\r0123456789-+.eEtrufalsn/\u00a0\u0000\u2028',
          "\ufeff",
          "\\u00e",
          "\\x",
        ),
        fc.string({ maxLength: 3 }),
      ),
    });
    fc.assert(
      fc.property(
        fc.json({ maxDepth: 3 }),
        fc.array(damage, { minLength: 1, maxLength: 3 }),
        (json, damages) => {
          const text = damages.reduce((text, { at, cut, put }) => {
            const start = at % (text.length + 1);
            return text.slice(0, start) + put + text.slice(start + cut);
          }, json);
          expect(surveyJson(text).ok, JSON.stringify(text)).to.equal(accepts(text));
        },
      ),
      { numRuns: 5000 },
    );
  });

  for (const [text, at] of [
    ["", 1],
    ["{", 2],
    ['{"a":abc}', 6],
    ['{"a":1,}', 8],
    ['{"a" 1}', 6],
    ['{"a":1} x', 9],
    ['{"a":1', 7],
    ["[1,]", 4],
    ["[1 2]", 4],
    ["01", 2],
    ["1.", 2],
    ["-", 1],
    ['"a\tb"', 3],
    ['"\u001f"', 2],
    ['"a\\x"', 3],
    ['"abc', 5],
    ["\u00a01", 1],
  ] as const)
    it(`finds what is wrong with ${JSON.stringify(text)} at character ${at}`, () => {
      expect(surveyJson(text)).to.include({ ok: false, at });
      expect(accepts(text)).to.equal(false);
    });

  it("finds keys given twice, but not the same key in different objects", () => {
    const survey = surveyJson('{"a":{"x":1,"y":{"x":1}},"b":[{"x":1},{"x":1,"x":2}],"a":"\\"a\\":1"}');
    expect(survey).to.have.deep.property("twice", [
      { column: "b", path: "b[1].x" },
      { column: "a", path: "a" },
    ]);
  });

  it("finds numbers with a point or an exponent, not text that looks like them", () => {
    const survey = surveyJson('{"a":[1,1.0],"b":"1.5","c":{"d":1E2},"1e3":-0}');
    expect(survey).to.have.deep.property("fractions", [
      { column: "a", path: "a[1]", text: "1.0" },
      { column: "c", path: "c.d", text: "1E2" },
    ]);
  });

  it("reads a string of 16 MiB", function () {
    this.timeout(60_000);
    expect(surveyJson(`"${"\\n x".repeat(2 ** 22)}"`)).to.have.property("ok", true);
  });
});
