import { readFileSync } from 'node:fs';
import type { LoadedConfig } from '../config.ts';
import { isFileKey } from '../http/file-key.ts';
import { usageFailure } from './cli-failure.ts';

/** The key in the file of the setting http.keyFile; nothing of the file is ever told. `undefined`: there is none. */
export function readServerKey({ config, origins }: LoadedConfig): string | undefined {
  const { keyFile } = config.http;
  if (keyFile === '') return undefined;
  const key = firstLine(keyFile);
  if (isFileKey(key)) return key;
  throw usageFailure(
    `http.keyFile: ${keyFile} holds no key: its first line must have 32 to 1024 letters, digits or -._~+/=`,
    `It comes from ${origins.get('http.keyFile') ?? 'default'}. openssl rand -hex 32 prints one.`,
  );
}

function firstLine(path: string): string {
  try {
    return readFileSync(path, 'utf8').split('\n', 1)[0]?.trim() ?? '';
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw usageFailure(
      `http.keyFile: cannot be read: ${reason}`,
      'Correct the path, or remove it.',
    );
  }
}
