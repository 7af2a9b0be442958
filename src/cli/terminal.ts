import { styleText } from 'node:util';
import { visibleText } from '../application/runs/visible-text.ts';
import type { Environment } from '../config/process-environment.ts';

type Style = Parameters<typeof styleText>[0];

const ESCAPE = '\u001b';
/** What `style` writes, of which nothing can move the cursor or hide text. */
const STYLING = new RegExp(`(${ESCAPE}\\[(?:1|22|3[0-79]|90)m)`);

export interface OutputStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(content: string | Uint8Array): boolean;
  on(event: 'error', listener: (error: Error) => void): unknown;
}

export interface TerminalOptions {
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly environment: Environment;
  readonly json: boolean;
  /** `--no-color` was given. */
  readonly noColor: boolean;
  /** The reader of standard output is gone. */
  readonly onBroken: () => void;
}

/**
 * Standard output and error of a command. With `--json` standard output holds JSON and nothing else. Colour and live
 * views only for a person: on a terminal, without `--json`, `--no-color`, a non-empty NO_COLOR (no-color.org) or
 * TERM=dumb.
 *
 * Lines and notes hold text of agents and definitions: whatever a command forgot to make visible in them is written
 * out here, so that nothing in them moves the cursor, hides or reorders text. What stands on which line is up to the
 * command: text from outside goes through `visibleLine` where it must not begin a line of its own.
 */
export class Terminal {
  readonly isJson: boolean;
  /** Somebody looks at it: tables and live views are welcome. */
  readonly isInteractive: boolean;
  readonly #options: TerminalOptions;
  readonly #hasColour: boolean;
  #isBroken = false;

  constructor(options: TerminalOptions) {
    const { stdout, stderr, environment, json, noColor } = options;
    this.#options = options;
    this.isJson = json;
    // A pseudo-terminal without a size (some CI systems) has no place to draw in.
    const isScreen = stdout.isTTY === true && stdout.columns !== 0;
    this.isInteractive = !json && isScreen && environment.TERM !== 'dumb';
    this.#hasColour = this.isInteractive && !noColor && !environment.NO_COLOR;
    // `baton list | head` closes the pipe early: no reason to die with a stack trace.
    stdout.on('error', () => this.#break());
    stderr.on('error', () => undefined);
  }

  /** A line for people; nothing with `--json`. */
  line(text = ''): void {
    if (!this.isJson) this.#write(`${this.visible(text)}\n`);
  }

  /** One JSON value on one line; nothing without `--json`. */
  json(value: unknown): void {
    if (this.isJson) this.#write(`${plainJson(value)}\n`);
  }

  /** The answer itself, byte for byte, for other programs. */
  bytes(content: Uint8Array): void {
    this.#write(content);
  }

  /** A remark beside the answer, on standard error. */
  note(text: string): void {
    this.#options.stderr.write(`${this.visible(text)}\n`);
  }

  /** The text as lines show it: styled where colours are wanted, everything else that is hidden written out. */
  visible(text: string): string {
    if (!this.#hasColour) return visibleText(text);
    const parts = text.split(STYLING);
    return parts.map((part, at) => (at % 2 === 0 ? visibleText(part) : part)).join('');
  }

  style(format: Style, text: string): string {
    return this.#hasColour ? styleText(format, text, { validateStream: false }) : text;
  }

  #write(content: string | Uint8Array): void {
    if (!this.#isBroken) this.#options.stdout.write(content);
  }

  #break(): void {
    if (this.#isBroken) return;
    this.#isBroken = true;
    this.#options.onBroken();
  }
}

/** Characters that steer a terminal or turn its text round, which JSON.stringify leaves as they are. */
const STEERING = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** The same JSON value, in characters that a terminal shows as they are. */
function plainJson(value: unknown): string {
  return JSON.stringify(value).replace(
    STEERING,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
