import { readdirSync, readFileSync } from 'node:fs';
import {
  createConnection,
  createServer,
  type AddressInfo,
  type Server,
  type Socket,
} from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort, until } from '../../support/redis-cluster.ts';
import {
  startRedisSentinel,
  startRedisServer,
  type RedisServer,
} from '../../support/redis-server.ts';
import { FaultyWire, type NetworkMode } from '../faulty-wire.ts';
import type { Preparation, Scenario } from '../scenario.ts';
import type { Stage, StageOptions } from '../stage.ts';

const NAME = 'mine';
const LOAD_MS = 2_000;
const LAG_MS = 1_500;

interface Topology {
  readonly primary: RedisServer;
  readonly replica: RedisServer;
  readonly link: ReplicationLink;
}

/** By the folder of the stage that it was made for. */
const topologies = new Map<string, Topology>();

/** The primary dies while its replica lags: what it had acknowledged and not sent is lost, as documented, and told. */
export const failover: Scenario = {
  name: 'failover',
  description: 'Sentinel promotes a replica that lags: documented loss only, and Baton says so',
  stores: ['redis'],
  prepare,
  play: async (stage) => {
    const { primary, replica, link } = topologyOf(stage);
    await pause(LOAD_MS);
    link.hold();
    const fromMs = Date.now();
    await pause(LAG_MS);
    await primary.stop('SIGKILL');
    link.cut();
    stage.losses.add(fromMs, Date.now());
    stage.figures.kills += 1;
    stage.figures.faults += 1;
    await until(async () => String(await replica.command('ROLE')).includes('master'));
    // What was read of the old primary may be gone.
    stage.forgetReads();
    await pause(LOAD_MS);
    await stage.check(false);
    stage.notes.push(`${stage.figures.lost} acknowledged requests are gone with the old primary`);
    if (!isTold(stage)) stage.violations.push('no log says that acknowledged writes may be lost');
  },
};

function topologyOf({ folder }: Stage): Topology {
  const topology = topologies.get(folder);
  if (topology === undefined) throw new Error('the servers were not prepared');
  return topology;
}

async function prepare(options: StageOptions): Promise<Preparation> {
  const servers: RedisServer[] = [];
  const add = async (started: Promise<RedisServer>): Promise<RedisServer> => {
    const server = await started;
    servers.push(server);
    return server;
  };
  const [primaryPort, replicaPort, sentinelPort] = [
    await freePort(),
    await freePort(),
    await freePort(),
  ];
  const primary = await add(startRedisServer('--port', `${primaryPort}`, '--bind', '127.0.0.1'));
  const link = await ReplicationLink.open(primaryPort);
  const follow = ['--replicaof', `127.0.0.1 ${link.port}`];
  const replica = await add(
    startRedisServer('--port', `${replicaPort}`, '--bind', '127.0.0.1', ...follow),
  );
  await until(async () => /link_status:up/.test(String(await replica.command('INFO'))));
  const sentinel = await add(startRedisSentinel(sentinelPort, NAME, link.port));
  await until(async () => String(await sentinel.command('INFO')).includes('slaves=1'));
  topologies.set(options.folder, { primary, replica, link });
  return {
    options: {
      ...options,
      isLossy: true,
      storeUrl: `redis+sentinel://127.0.0.1:${sentinelPort}/${NAME}`,
    },
    end: async () => {
      topologies.delete(options.folder);
      await link.close();
      await Promise.all(servers.map((server) => server.remove()));
    },
  };
}

/** Some process wrote a warning about it. */
function isTold({ folder }: Stage): boolean {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.log'))
    .some((name) => /"level":40.*may be lost/.test(readFileSync(join(folder, name), 'utf8')));
}

/** Where everybody finds the primary; the way of its replica can be held up, that of the others is open. */
class ReplicationLink {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #mode: NetworkMode = { kind: 'pass' };

  private constructor(primaryPort: number) {
    this.#server = createServer((client) => this.#accept(client, primaryPort));
  }

  static async open(primaryPort: number): Promise<ReplicationLink> {
    const link = new ReplicationLink(primaryPort);
    link.#server.listen(0, '127.0.0.1');
    await once(link.#server, 'listening');
    return link;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port; // it listens on TCP
  }

  hold(): void {
    this.#mode = { kind: 'hold' };
  }

  /** Nobody reaches the primary any more, and what was held up never arrives. */
  cut(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.cut();
    if (this.#server.listening) await once(this.#server, 'close');
  }

  #accept(client: Socket, primaryPort: number): void {
    const primary = createConnection(primaryPort, '127.0.0.1');
    let isReplica = false;
    const never = new Promise<undefined>(() => undefined);
    const wire = new FaultyWire(client, {
      mode: () => (isReplica ? this.#mode : { kind: 'pass' }),
      healed: () => never,
    });
    client.on('data', (bytes) => {
      isReplica ||= bytes.includes('PSYNC');
      primary.write(bytes);
    });
    primary.on('data', (bytes) => wire.send(bytes));
    for (const [one, other] of [
      [client, primary],
      [primary, client],
    ] as const) {
      this.#sockets.add(one);
      one.on('error', () => undefined); // `close` follows
      one.on('close', () => {
        this.#sockets.delete(one);
        other.destroy();
      });
    }
  }
}
