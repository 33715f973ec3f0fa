/** Logs of the programs, on stderr: JSON lines for log collectors, readable lines on a terminal. */
import { isatty } from 'node:tty';
import { type Logger, levels, pino } from 'pino';
import { prettyFactory } from 'pino-pretty';

export type Log = Logger;

const STDERR = 2;
const DEFAULT_LEVEL = 'info';

/** A sink for log lines. */
export interface LogOutput {
  /** Whether a person reads it. */
  readonly terminal: boolean;
  write(text: string): void;
}

/**
 * Creates the log of a program.
 * @param name  the program, such as `control-plane`; part of every line
 * @param level  the least severe level to write, or `silent`
 */
export function createLog(
  name: string,
  level: string = process.env.LOG_LEVEL || DEFAULT_LEVEL,
  output: LogOutput = standardError(),
): Log {
  const known = level in levels.values || level === 'silent';
  const readable = prettyFactory({
    colorize: output.terminal && !process.env.NO_COLOR,
    ignore: 'pid,hostname',
    translateTime: 'SYS:HH:MM:ss',
  });
  const log = pino(
    { name, level: known ? level : DEFAULT_LEVEL },
    { write: (line) => output.write(output.terminal ? readable(line) : line) },
  );
  if (!known) {
    const choices = [...Object.keys(levels.values), 'silent'].join(', ');
    log.warn(`LOG_LEVEL "${level}" is unknown; using ${DEFAULT_LEVEL}. Set it to one of ${choices}.`);
  }
  return log;
}

/**
 * Logs a line from the stderr of a child process, at the line's own level. A line that `createLog` did not write
 * is a warning.
 * @returns the message of the line
 */
export function relayLine(log: Log, line: string): string {
  const { level, message } = parseLine(line);
  log[level]('%s', message);
  return message;
}

function parseLine(line: string): {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
} {
  try {
    const { level, msg } = JSON.parse(line) as { level?: unknown; msg?: unknown };
    if (typeof level === 'number' && typeof msg === 'string') {
      return {
        level: level < 30 ? 'debug' : level < 40 ? 'info' : level < 50 ? 'warn' : 'error',
        message: msg,
      };
    }
  } catch {
    // Plain text, from a program that failed before it could log.
  }
  return { level: 'warn', message: line };
}

/** Writes synchronously, so that the last lines before an exit are not lost. Works in worker threads, too. */
function standardError(): LogOutput {
  const destination = pino.destination({ dest: STDERR, sync: true });
  // The terminal or the reader of the pipe is gone. That must not end the program.
  destination.on('error', () => {});
  return { terminal: isatty(STDERR), write: (text) => destination.write(text) };
}
