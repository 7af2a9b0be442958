import type { Logger } from '../../src/ports/logger.ts';

const ignore = (): void => undefined;

/** For tests that do not look at the log. */
export const silentLogger: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };
