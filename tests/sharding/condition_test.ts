import { equal } from "node:assert/strict";
import { holds } from "../../sharding/condition.ts";

Deno.test("holds() asks whether there is a value, or for one of some versions", () => {
  equal(holds({ kind: "absent" }, undefined), true);
  equal(holds({ kind: "absent" }, 0), false);
  equal(holds({ kind: "exists" }, 0), true);
  equal(holds({ kind: "exists" }, undefined), false);
  equal(holds({ kind: "version", versions: [3, 5] }, 5), true);
  equal(holds({ kind: "version", versions: [3, 5] }, 4), false);
  equal(holds({ kind: "version", versions: [] }, undefined), false);
});
