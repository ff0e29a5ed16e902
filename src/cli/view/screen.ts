/** A terminal, as far as a full screen needs it. `keys`: what is typed, nothing of it echoed. */
export type Terminal = {
  write(text: string): void;
  size(): { columns: number; rows: number };
  /** @returns how to stop listening */
  onResize(listener: () => void): () => void;
  /** @returns how to stop listening, with the terminal as it was */
  onKeys(listener: (keys: string) => void): () => void;
};

/** ECMA-48 and what xterm made common: the other screen, no cursor, and lines that end at the edge. */
const OPEN = "\u001b[?1049h\u001b[?25l\u001b[?7l\u001b[2J";
const CLOSE = "\u001b[?7h\u001b[?25h\u001b[?1049l";

export type Screen = {
  /** Draws what differs from what is there, in one write: nothing flickers. */
  show(): void;
  /** Gives the terminal back as it was. May be called again. */
  close(): void;
};

/**
 * Takes the whole terminal until it is closed.
 * @param draw the lines for a size
 * @param end called when somebody types q or ^C
 */
export function openScreen(
  terminal: Terminal,
  draw: (size: { columns: number; rows: number }) => readonly string[],
  end: () => void,
): Screen {
  let shown: readonly string[] = [];
  let open = true;

  const show = () => {
    if (!open) return;
    const { columns, rows } = terminal.size();
    const lines = draw({ columns, rows }).slice(0, rows);
    let text = "";
    for (let row = 0; row < Math.max(lines.length, shown.length); row += 1) {
      const line = lines[row] ?? "";
      if (line !== (shown[row] ?? "")) text += `\u001b[${row + 1};1H\u001b[2K${line}`;
    }
    shown = lines;
    if (text !== "") terminal.write(text);
  };

  terminal.write(OPEN);
  const stopResize = terminal.onResize(() => {
    // What a terminal leaves of the old lines is its own affair: begin with nothing.
    shown = [];
    if (open) terminal.write("\u001b[2J");
    show();
  });
  const stopKeys = terminal.onKeys((keys) => {
    if (/[qQ\u0003]/.test(keys)) end();
  });

  return {
    show,
    close() {
      if (!open) return;
      open = false;
      stopResize();
      stopKeys();
      terminal.write(CLOSE);
    },
  };
}

/** The terminal of this process. */
export function processTerminal(): Terminal {
  const { stdin, stdout } = process;
  return {
    write: (text) => void stdout.write(text),
    size: () => ({ columns: stdout.columns || 80, rows: stdout.rows || 24 }),
    onResize(listener) {
      stdout.on("resize", listener);
      return () => stdout.off("resize", listener);
    },
    onKeys(listener) {
      if (stdin.isTTY !== true) return () => {};
      const read = (chunk: Buffer) => listener(chunk.toString("latin1"));
      // Raw, or what is typed would stand on the screen; ^C then comes as a key.
      stdin.setRawMode(true);
      stdin.on("data", read).resume();
      return () => {
        stdin.off("data", read).pause();
        stdin.setRawMode(false);
      };
    },
  };
}
