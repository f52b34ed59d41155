/**
 * A real node on a disk in memory, for tests that want the whole path below the routes.
 *
 * @module
 */
import { Node } from "../../sharding/mod.ts";
import { InlineCompactionExecutor } from "../../storage/mod.ts";
import { MemoryDisk, SeededRandom, silentLogger, SystemClock } from "../../storage/env/mod.ts";

/** A node and what it stands on. */
export interface RealNode {
  readonly node: Node;
  readonly disk: MemoryDisk;
  readonly clock: SystemClock;
}

/** Opens a node, on that disk where one is given, and closes it behind `use`. */
export async function withNode(
  use: (open: RealNode) => Promise<void>,
  disk: MemoryDisk = new MemoryDisk(),
): Promise<void> {
  const clock = new SystemClock();
  const node = await Node.open({
    disk,
    clock,
    random: new SeededRandom(1),
    logger: silentLogger,
    dataDirectory: "/data",
    executor: new InlineCompactionExecutor({ disk, clock }),
    nodeName: "node1",
    onFatal(error) {
      throw error;
    },
  });
  try {
    await use({ node, disk, clock });
  } finally {
    await node.close();
  }
}
