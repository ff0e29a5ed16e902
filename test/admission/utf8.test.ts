import { isUtf8 } from "node:buffer";
import { expect } from "chai";
import fc from "fast-check";
import { utf8 } from "../../src/admission/utf8.js";
import { WaybillError } from "../../src/errors.js";
import { inChunks } from "./reading.js";

async function decode(
  bytes: Uint8Array,
  sizes: number[],
): Promise<{ bytes: Buffer; error: WaybillError | null }> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of utf8(inChunks(bytes, sizes))) {
      expect(chunk.length).to.be.greaterThan(0);
      expect(isUtf8(chunk)).to.equal(true);
      chunks.push(chunk);
    }
  } catch (error) {
    if (!(error instanceof WaybillError)) throw error;
    return { bytes: Buffer.concat(chunks), error };
  }
  return { bytes: Buffer.concat(chunks), error: null };
}

const sizes = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 12 });

describe("strict UTF-8", function () {
  this.timeout(60_000);

  it("passes every text through, cut into any chunks", () =>
    fc.assert(
      fc.asyncProperty(fc.string({ unit: "binary" }), sizes, async (text, sizes) => {
        const bytes = Buffer.from(`.${text}`);
        expect(await decode(bytes, sizes)).to.deep.equal({ bytes, error: null });
      }),
    ));

  it("agrees with the platform on what is UTF-8, and passes what comes before the fault", () => {
    const awkward = fc.constantFrom(
      0x41,
      0x0a,
      0x80,
      0xbf,
      0xc0,
      0xc2,
      0xe0,
      0xed,
      0xef,
      0xf0,
      0xf4,
      0xf5,
      0xa0,
      0x9f,
      0xff,
    );
    return fc.assert(
      fc.asyncProperty(fc.array(awkward, { maxLength: 12 }), sizes, async (tail, sizes) => {
        const bytes = Buffer.from([0x2e, ...tail]);
        const decoded = await decode(bytes, sizes);
        expect(decoded.error === null).to.equal(isUtf8(bytes));
        if (decoded.error === null) {
          expect(decoded.bytes).to.deep.equal(bytes);
          return;
        }

        const good = decoded.bytes.length;
        expect(decoded.bytes).to.deep.equal(bytes.subarray(0, good));
        expect(decoded.error.code).to.equal("E_FILE_UTF8");
        const line = decoded.bytes.toString().split("\n").length;
        expect(decoded.error.message).to.match(new RegExp(`^chunks:${line} .* byte ${good} `));
        // The replacement characters that the platform puts begin at the same byte.
        expect(Buffer.from(bytes.toString().split("\ufffd")[0]!)).to.deep.equal(decoded.bytes);
      }),
      { numRuns: 2000 },
    );
  });

  for (const [name, tail] of [
    ["an overlong form", [0xc0, 0xaf]],
    ["an overlong form of three bytes", [0xe0, 0x9f, 0xbf]],
    ["an overlong form of four bytes", [0xf0, 0x8f, 0xbf, 0xbf]],
    ["a lead byte that begins nothing", [0xf5, 0x80, 0x80, 0x80]],
    ["a surrogate", [0xed, 0xa0, 0x80]],
    ["a code point beyond U+10FFFF", [0xf4, 0x90, 0x80, 0x80]],
    ["a stray continuation byte", [0x80]],
    ["Latin-1", [0x4d, 0xfc, 0x6c]],
    ["a sequence cut off at the end", [0xe2, 0x82]],
  ] as const)
    it(`refuses ${name} with its line and byte offset`, async () => {
      const offset = 4 + tail.findIndex((byte) => byte > 0x7f);
      for (const size of [1, 3, 64]) {
        const { error } = await decode(Buffer.from([0x61, 0x0a, 0x62, 0x0a, ...tail]), [size]);
        expect(error?.code).to.equal("E_FILE_UTF8");
        expect(error?.message).to.contain("chunks:3 ").and.contain(`byte ${offset} `);
      }
    });

  it("removes one BOM at the start, and counts it in offsets", async () => {
    for (const size of [1, 2, 3, 64]) {
      const { bytes } = await decode(Buffer.from("\ufeff\ufeffx\ufeff"), [size]);
      expect(bytes.toString()).to.equal("\ufeffx\ufeff");
      const { error } = await decode(Buffer.from([0xef, 0xbb, 0xbf, 0x61, 0xff]), [size]);
      expect(error?.message).to.contain("byte 4 ");
      expect(await decode(Buffer.from("\ufeff"), [size])).to.deep.equal({
        bytes: Buffer.alloc(0),
        error: null,
      });
    }
  });

  it("recognises UTF-16 by its BOM and says what to do", async () => {
    for (const text of ["\ufeffname,age", "\ufeff"])
      for (const bytes of [Buffer.from(text, "utf16le"), Buffer.from(text, "utf16le").swap16()])
        for (const size of [1, 64]) {
          const { error } = await decode(bytes, [size]);
          expect(error?.code).to.equal("E_FILE_UTF8");
          expect(error?.message).to.contain("UTF-16");
        }
  });
});
