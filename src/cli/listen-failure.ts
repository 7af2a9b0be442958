import type { LoadedConfig } from '../config.ts';
import type { ListenError } from '../http/listen.ts';
import { usageFailure, type CliFailure } from './cli-failure.ts';

/** Why the server cannot listen where the settings say, and which setting to change. */
export function listenFailure(
  { config, origins }: LoadedConfig,
  { code, message }: ListenError,
): CliFailure {
  const { host, port } = config.http;
  const from = (key: string): string => `${key}: ${origins.get(key) ?? 'default'}`;
  switch (code) {
    case 'EADDRINUSE':
      return usageFailure(
        `${host}:${port} is in use by another program, perhaps another baton serve (${from('http.port')})`,
        'End that program, or choose another port: --port 0 takes any that is free.',
        'port_in_use',
      );
    case 'EACCES':
      return usageFailure(
        `${host}:${port} is not for this user to listen on (${from('http.port')})`,
        'Choose a port from 1024 on.',
        'port_refused',
      );
    default:
      return usageFailure(
        `${host}:${port} cannot be listened on: ${message} (${from('http.host')}; ${from('http.port')})`,
        'Choose an address of this machine: --host 127.0.0.1.',
        'address_unusable',
      );
  }
}
