/**
 * The servers that are compared, each started on a free port with an empty folder.
 *
 * etcd and Redis are Debian's; where one is not installed it is left out and the report says so.
 * Each answers a write only once it is synced: etcd always, Redis with `appendfsync always`.
 *
 * @module
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { ServerProcess } from "../real/server_process.ts";
import type { PeerName } from "./protocols.ts";

/** A server under load. */
export interface Peer {
  readonly name: PeerName;
  readonly port: number;
  readonly pid: number;
  /** What it printed last, for when it fails. */
  output(): string;
  /** Ends it as `kill -9` does. */
  kill(): Promise<void>;
}

const programs: Record<PeerName, string | undefined> = {
  ankylo: undefined,
  etcd: "etcd",
  redis: "redis-server",
};

/** Tells whether a server can be started here. */
export function isInstalled(name: PeerName): boolean {
  const program = programs[name];
  if (program === undefined) return true;
  return (Deno.env.get("PATH") ?? "").split(":").some((folder) => {
    try {
      return Deno.statSync(`${folder}/${program}`).isFile;
    } catch {
      return false;
    }
  });
}

/**
 * Starts a server and resolves once it takes connections.
 *
 * @param serveArguments More arguments of `ankylo serve`.
 */
export async function startPeer(
  name: PeerName,
  dataDirectory: string,
  serveArguments: readonly string[] = [],
): Promise<Peer> {
  if (name === "ankylo") {
    const server = await ServerProcess.start({ dataDirectory, arguments: serveArguments });
    return {
      name,
      port: server.port,
      pid: server.pid,
      output: () => server.output,
      kill: () => server.kill(),
    };
  }
  Deno.mkdirSync(dataDirectory, { recursive: true });
  const port = freePort();
  const child = spawn(
    programs[name] ?? name,
    name === "etcd" ? etcdArguments(port, dataDirectory) : redisArguments(port, dataDirectory),
    { stdio: "ignore" },
  );
  const ended = once(child, "exit");
  await answers(child, port);
  return {
    name,
    port,
    pid: child.pid ?? 0,
    output: () => "",
    async kill() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

function etcdArguments(port: number, dataDirectory: string): string[] {
  const client = `http://127.0.0.1:${port}`;
  const peer = `http://127.0.0.1:${freePort()}`;
  return [
    `--data-dir=${dataDirectory}`,
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=default=${peer}`,
    // Its default of 2 GiB is reached by a few repetitions.
    "--quota-backend-bytes=8589934592",
    "--log-level=error",
  ];
}

function redisArguments(port: number, dataDirectory: string): string[] {
  return [
    ...["--port", `${port}`, "--bind", "127.0.0.1", "--dir", dataDirectory],
    ...["--appendonly", "yes", "--appendfsync", "always", "--save", ""],
  ];
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

const startAttemptCount = 600;

async function answers(child: ChildProcess, port: number): Promise<void> {
  for (let attempt = 0; attempt < startAttemptCount; attempt++) {
    if (child.exitCode !== null) throw new Error(`Cannot start ${child.spawnfile}: it exited`);
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  throw new Error(`Cannot connect to ${child.spawnfile}: port ${port} stays closed`);
}
