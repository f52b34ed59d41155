/**
 * A node of ours for the parts that ask more of it than keys: how it is filled by batches, what it
 * tells about itself, and what its folder takes.
 *
 * @module
 */
import { Api, inPieces } from "../real/api.ts";
import { folderBytes } from "../real/folder.ts";
import { type Peer, startPeer } from "./peers.ts";
import { keyText, valueText } from "./protocols.ts";

/** What a fill writes. */
export interface FillOptions {
  /** The number of the first key. */
  readonly firstKey: number;
  readonly keyCount: number;
  readonly valueSizeBytes: number;
  /** When the keys expire, by the clock on the wall; never where it is left out. */
  readonly expiresAtMs?: number;
}

/** The figures of `/v1/status` that are looked at. */
export interface NodeFigures {
  readonly time: { readonly expiryBacklogCount: number; readonly expiryLagMs: number };
  readonly tree: {
    readonly compactionDebtBytes: number;
    readonly frozenMemtableCount: number;
    readonly isVacuuming: boolean;
    readonly levels: readonly { readonly tableCount: number }[];
  };
}

const batchSizeBytes = 1_048_576;
const batchKeyCountMax = 1_000;
const pollMs = 100;

/** A running node. */
export class AnkyloNode {
  readonly peer: Peer;
  readonly api: Api;
  readonly directory: string;

  private constructor(peer: Peer, directory: string) {
    this.peer = peer;
    this.api = new Api({ url: `http://127.0.0.1:${peer.port}` });
    this.directory = directory;
  }

  /** Starts a node in an empty folder. */
  static async start(directory: string, serveArguments: readonly string[]): Promise<AnkyloNode> {
    return new AnkyloNode(await startPeer("ankylo", directory, serveArguments), directory);
  }

  /** Ends it, and removes its folder. */
  async remove(): Promise<void> {
    await this.peer.kill();
    Deno.removeSync(this.directory, { recursive: true });
  }

  /** Writes every key once, in batches. @returns How long it took. */
  async fill(options: FillOptions): Promise<number> {
    const { firstKey, keyCount, valueSizeBytes, expiresAtMs } = options;
    const value = valueText(valueSizeBytes);
    const startMs = performance.now();
    const fitting = Math.floor(batchSizeBytes / valueSizeBytes);
    await inPieces(Array.from({ length: keyCount }, (_, index) => firstKey + index), {
      sizeOfPiece: Math.max(1, Math.min(batchKeyCountMax, fitting)),
      workerCount: 4,
      work: async (piece) => {
        const ttl = expiresAtMs === undefined ? undefined : `${expiresAtMs - Date.now()}ms`;
        await this.api.batch(piece.map((key) => ({ op: "set", key: keyText(key), value, ttl })));
      },
    });
    return performance.now() - startMs;
  }

  /** Returns what the node tells about itself. */
  async figures(): Promise<NodeFigures> {
    return (await this.api.json<{ statistics: NodeFigures }>("GET", "/v1/status")).statistics;
  }

  /** Returns what the tree takes on disk. */
  treeBytes(): number {
    return folderBytes(`${this.directory}/groups`);
  }

  /** Resolves once flushes and compactions have caught up. */
  async settle(): Promise<void> {
    await until("the node to settle", async () => {
      const { tree } = await this.figures();
      return tree.compactionDebtBytes === 0 && tree.frozenMemtableCount === 0;
    });
  }

  /** Counts the keys from one number to another. */
  async count(firstKey: number, keyCount: number): Promise<number> {
    const query = new URLSearchParams({
      start: keyText(firstKey),
      end: keyText(firstKey + keyCount),
      count_only: "true",
    });
    return (await this.api.json<{ count: number }>("GET", `/v1/kv?${query}`)).count;
  }
}

/** How long something is waited for, where nothing else is said. */
const waitMsMax = 180_000;

/** Asks over and over until the answer is yes. @throws where it never is. */
export async function until(what: string, ask: () => Promise<boolean>): Promise<void> {
  if (!await comes(ask, waitMsMax)) throw new Error(`Cannot wait longer for ${what}`);
}

/** Asks over and over. @returns Whether the answer was yes within the time. */
export async function comes(ask: () => Promise<boolean>, timeoutMs: number): Promise<boolean> {
  const endMs = performance.now() + timeoutMs;
  while (!await ask()) {
    if (performance.now() > endMs) return false;
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
  return true;
}
