/**
 * A process like `ankylo serve`, over a disk whose syncs fail once a file called `broken` is there.
 *
 * Arguments: the data folder, and the path of that file.
 *
 * @module
 */
import { DenoDisk, DiskError, type DiskFile, type OpenMode } from "../../../storage/env/mod.ts";
import { processIo } from "../../../server/cli/cli_io.ts";
import { runServer } from "../../../server/cli/serve_verb.ts";
import { readConfig } from "../../../server/mod.ts";
import { smallNode } from "./harness.ts";

const [dataDir, brokenPath] = Deno.args;

class FailingDisk extends DenoDisk {
  override open(path: string, mode: OpenMode): DiskFile {
    const file = super.open(path, mode);
    const sync = file.sync.bind(file);
    file.sync = () =>
      this.exists(brokenPath)
        ? Promise.reject(new DiskError("io", `Cannot sync ${path}: it broke`))
        : sync();
    return file;
  }
}

if (import.meta.main) {
  const config = readConfig({ flags: { dataDir, listen: "127.0.0.1:0", ...smallNode } });
  Deno.exit(await runServer({ config, io: processIo(), parts: { disk: new FailingDisk() } }));
}
