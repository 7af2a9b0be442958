import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';

/** A server on a free loopback port that does one thing with every connection. */
export interface FakeServer {
  readonly port: number;
  close(): Promise<void>;
}

export async function startFakeServer(serve: (socket: Socket) => void): Promise<FakeServer> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    serve(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (typeof address !== 'object' || !address) throw new Error('no port');
  return {
    port: address.port,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Takes the connection and what it is sent, and says nothing. */
export function startBlackHole(): Promise<FakeServer> {
  return startFakeServer((socket) => socket.resume());
}

export function startHttpServer(): Promise<FakeServer> {
  return startFakeServer((socket) => {
    socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n'));
  });
}

/** Speaks as a Redis does that says this of itself, and knows nothing but INFO. */
export function startTalkingRedis(facts: Readonly<Record<string, string>>): Promise<FakeServer> {
  const info = Object.entries(facts).map(([name, value]) => `${name}:${value}\r\n`);
  const reply = `$${info.join('').length}\r\n${info.join('')}\r\n`;
  return startFakeServer((socket) => {
    socket.on('data', (chunk: Buffer) => {
      // Each command is an array, each name one of its words on a line of its own.
      const commands = String(chunk)
        .split(/^\*\d+\r\n/m)
        .slice(1);
      for (const command of commands)
        socket.write(/^\$4\r\ninfo\r\n/i.test(command) ? reply : '-ERR unknown command\r\n');
    });
  });
}
