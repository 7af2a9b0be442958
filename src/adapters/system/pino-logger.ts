import { accessSync, constants, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import type { RollingStream } from 'pino-roll';
import type { Logger } from '../../ports/logger.ts';

const ROTATE_AT = '10m';
/** The one being written counts: with `removeOtherLogFiles` pino-roll counts what lies in the directory. */
const FILES_KEPT = 5;
/** Messages that wait for the logger to load; beyond it the oldest go. */
const MAX_WAITING = 1_000;

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

export interface LogTarget {
  readonly level: LogLevel;
  /** Absolute; the file written is numbered: `baton.log` becomes `baton.1.log`. */
  readonly file: string;
}

export interface ClosableLogger extends Logger {
  /** Writes what waits. Later messages are dropped. */
  close(): Promise<void>;
}

interface Sink extends Logger {
  flush(): Promise<void>;
}

interface Entry {
  readonly level: LogLevel;
  readonly fields: object;
  readonly message: string;
}

/**
 * Writes JSON lines to a file of at most 10 MB, the last five kept, private to the user; to standard error when the
 * file cannot be written, never to standard output. Pino is loaded with the first message, because most commands log
 * nothing and loading costs more than the rest of their start. If the process dies, its last messages may be missing.
 */
export function createPinoLogger(target: LogTarget): ClosableLogger {
  const waiting: Entry[] = [];
  let sink: Sink | undefined;
  let opening: Promise<void> | undefined;
  let isClosed = false;
  const open = async (): Promise<void> => {
    sink = await openSink(target);
    for (const entry of waiting.splice(0)) write(sink, entry);
  };
  const log = (level: LogLevel, fields: object, message: string): void => {
    if (isClosed || LEVELS.indexOf(level) < LEVELS.indexOf(target.level)) return;
    if (sink !== undefined) return write(sink, { level, fields, message });
    if (waiting.length >= MAX_WAITING) waiting.shift();
    waiting.push({ level, fields, message });
    opening ??= open();
  };
  return {
    debug: (fields, message) => log('debug', fields, message),
    info: (fields, message) => log('info', fields, message),
    warn: (fields, message) => log('warn', fields, message),
    error: (fields, message) => log('error', fields, message),
    async close() {
      isClosed = true;
      await opening;
      await sink?.flush();
    },
  };
}

function write(sink: Sink, { level, fields, message }: Entry): void {
  sink[level](fields, message);
}

async function openSink({ level, file }: LogTarget): Promise<Sink> {
  const { pino } = await import('pino');
  const stream = (await openRollingFile(file)) ?? pino.destination({ dest: 2, sync: true });
  const logger = pino({ level, base: { pid: process.pid } }, stream);
  return {
    debug: (fields, message) => logger.debug(fields, message),
    info: (fields, message) => logger.info(fields, message),
    warn: (fields, message) => logger.warn(fields, message),
    error: (fields, message) => logger.error(fields, message),
    flush: () =>
      new Promise((resolve) => {
        stream.flush(() => resolve());
      }),
  };
}

/** `undefined` when nothing can be written there. */
async function openRollingFile(file: string): Promise<RollingStream | undefined> {
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    accessSync(dirname(file), constants.W_OK);
    const { default: build } = await import('pino-roll');
    const stream = await build({
      file,
      size: ROTATE_AT,
      limit: { count: FILES_KEPT, removeOtherLogFiles: true },
      mode: 0o600,
      sync: true,
    });
    // A full disk must not end the process: the message is lost, the work goes on.
    stream.on('error', () => undefined);
    return stream;
  } catch {
    return undefined;
  }
}
