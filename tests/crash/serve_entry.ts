/**
 * The process that `server_process.ts` starts: a node assembled as always, over a disk of which one
 * sync may fail.
 *
 * @module
 */
import { DenoDisk, DiskError } from "../../storage/env/mod.ts";
import type { DiskFile, OpenMode } from "../../storage/env/mod.ts";
import { processIo } from "../../server/cli/cli_io.ts";
import { runServer } from "../../server/cli/serve_verb.ts";
import { readConfig } from "../../server/mod.ts";

/** A disk of which the n-th sync of a log segment fails. */
class FailingDisk extends DenoDisk {
  #leftCount: number;

  constructor(failingSync: number) {
    super();
    this.#leftCount = failingSync;
  }

  override open(path: string, mode: OpenMode): DiskFile {
    const file = super.open(path, mode);
    if (!path.endsWith(".log")) return file;
    const sync = file.sync.bind(file);
    file.sync = async () => {
      if (--this.#leftCount === 0) throw new DiskError("io", `Cannot sync ${path}: EIO`);
      await sync();
    };
    return file;
  }
}

const { flags, failingSync } = JSON.parse(Deno.args[0]) as {
  flags: Record<string, string>;
  failingSync: number | null;
};
Deno.exit(
  await runServer({
    config: readConfig({ flags }),
    io: processIo(),
    parts: failingSync === null ? {} : { disk: new FailingDisk(failingSync) },
  }),
);
