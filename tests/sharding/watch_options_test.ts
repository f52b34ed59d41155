import { equal, throws } from "node:assert/strict";
import { watchOptions, watchOptionsDefault } from "../../sharding/watch_options.ts";
import { InvariantError } from "../../storage/env/mod.ts";

Deno.test("watchOptions() lays what is given over the defaults, and refuses what cannot work", () => {
  const options = watchOptions({ watchCountMax: 3 });
  equal(options.watchCountMax, 3);
  equal(options.queueSizeBytesMax, watchOptionsDefault.queueSizeBytesMax);
  throws(() => watchOptions({ pieceEventCountMax: 0 }), InvariantError);
});
