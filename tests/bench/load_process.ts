/**
 * The load generator as a process of its own.
 *
 * @module
 */
import type { LoadOptions, LoadResult } from "./load_generator.ts";
import type { Peer } from "./peers.ts";
import { valueSizeBytes } from "./protocols.ts";

/** Loads a server. @throws where the generator fails. */
export async function runLoadProcess(
  peer: Peer,
  options: Omit<LoadOptions, "peer" | "port">,
): Promise<LoadResult> {
  const program = new URL("./load_generator.ts", import.meta.url).pathname;
  const given: LoadOptions = { ...options, peer: peer.name, port: peer.port };
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", program, JSON.stringify(given)],
    stderr: "inherit",
  });
  const { success, stdout } = await command.output();
  if (!success) {
    throw new Error(`Cannot load ${peer.name}: the generator failed\n${peer.output()}`);
  }
  return JSON.parse(new TextDecoder().decode(stdout));
}

/** Puts every key once, in order. */
export async function fill(peer: Peer, keyCount: number): Promise<void> {
  const result = await runLoadProcess(peer, {
    operation: { kind: "put", valueSizeBytes },
    connectionCount: 128,
    firstKey: 0,
    keyCount,
    isFill: true,
    warmUpMs: 0,
    durationMs: 0,
  });
  if (result.errorCount > 0) {
    throw new Error(`Cannot fill ${peer.name}: ${result.errorCount} puts failed`);
  }
}
