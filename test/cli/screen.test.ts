import { expect } from "chai";
import { openScreen, type Terminal } from "../../src/cli/view/screen.js";

/** A terminal that does what a screen asks of it, and keeps what it was told. */
function fakeTerminal(columns: number, rows: number) {
  const size = { columns, rows };
  const modes = { other: false, cursor: true, wrap: true };
  const writes: string[] = [];
  let lines: string[] = Array.from({ length: rows }, () => "");
  let row = 0;
  let resized: (() => void) | null = null;
  let typed: ((keys: string) => void) | null = null;

  const obey: readonly [RegExp, (parameter: string) => void][] = [
    [/^\u001b\[\?(1049|25|7)([hl])/, () => {}],
    [/^\u001b\[2J/, () => void (lines = lines.map(() => ""))],
    [/^\u001b\[2K/, () => void (lines[row] = "")],
    [/^\u001b\[(\d+);1H/, (parameter) => void (row = Number(parameter) - 1)],
    [/^([^\u001b]+)/, (text) => void (lines[row] += text)],
  ];
  const terminal: Terminal = {
    write(text) {
      writes.push(text);
      for (let rest = text; rest !== "";) {
        const [pattern, act] = obey.find(([pattern]) => pattern.test(rest))!;
        const [whole, parameter, value] = pattern.exec(rest)!;
        if (value === undefined) act(parameter ?? "");
        else
          modes[{ 1049: "other", 25: "cursor", 7: "wrap" }[parameter!] as keyof typeof modes] = value === "h";
        rest = rest.slice(whole!.length);
      }
    },
    size: () => size,
    onResize(listener) {
      resized = listener;
      return () => void (resized = null);
    },
    onKeys(listener) {
      typed = listener;
      return () => void (typed = null);
    },
  };
  return {
    terminal,
    modes,
    writes,
    lines: () => lines,
    resize(to: { columns: number; rows: number }) {
      Object.assign(size, to);
      lines = Array.from({ length: to.rows }, (_, index) => lines[index] ?? "");
      resized?.();
    },
    type: (keys: string) => typed?.(keys),
    isHeard: () => ({ resized: resized !== null, typed: typed !== null }),
  };
}

describe("The full screen", () => {
  it("takes the terminal, and gives it back as it was however often it is told", () => {
    const fake = fakeTerminal(20, 3);
    const screen = openScreen(
      fake.terminal,
      () => ["one"],
      () => {},
    );
    expect(fake.modes).to.deep.equal({ other: true, cursor: false, wrap: false });
    screen.show();
    screen.close();
    screen.close();
    expect(fake.modes).to.deep.equal({ other: false, cursor: true, wrap: true });
    expect(fake.isHeard()).to.deep.equal({ resized: false, typed: false });
    const writes = fake.writes.length;
    screen.show();
    expect(fake.writes).to.have.length(writes);
  });

  it("writes only lines that changed, all in one write, and nothing if none did", () => {
    const fake = fakeTerminal(20, 4);
    let lines = ["head", "a 1", "b 1", "c 1"];
    const screen = openScreen(
      fake.terminal,
      () => lines,
      () => {},
    );
    screen.show();
    expect(fake.lines()).to.deep.equal(lines);
    lines = ["head", "a 1", "b 22", ""];
    screen.show();
    expect(fake.lines()).to.deep.equal(lines);
    expect(fake.writes.at(-1)).to.include("b 22").and.not.include("a 1");
    const writes = fake.writes.length;
    screen.show();
    expect(fake.writes).to.have.length(writes);
    lines = ["head"];
    screen.show();
    expect(fake.writes).to.have.length(writes + 1);
    expect(fake.lines()).to.deep.equal(["head", "", "", ""]);
  });

  it("draws all of it anew for another size, and never more lines than there are", () => {
    const fake = fakeTerminal(20, 2);
    const draw = ({ columns, rows }: { columns: number; rows: number }) => [
      `${columns} × ${rows}`,
      "second",
      "third",
    ];
    const screen = openScreen(fake.terminal, draw, () => {});
    screen.show();
    expect(fake.lines()).to.deep.equal(["20 × 2", "second"]);
    fake.resize({ columns: 9, rows: 3 });
    expect(fake.lines()).to.deep.equal(["9 × 3", "second", "third"]);
    screen.close();
  });

  for (const keys of ["q", "\u0003", "xyQ"]) {
    it(`ends on ${JSON.stringify(keys)}, and on no other key`, () => {
      const fake = fakeTerminal(20, 2);
      let ended = 0;
      openScreen(
        fake.terminal,
        () => [],
        () => (ended += 1),
      );
      fake.type("xyz\u001b[A");
      expect(ended).to.equal(0);
      fake.type(keys);
      expect(ended).to.equal(1);
    });
  }
});
