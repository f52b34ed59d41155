import { equal } from "node:assert/strict";
import {
  changeSpace,
  expirySpace,
  requestSpace,
  userSpace,
  userTreeKey,
} from "../../storage/key_space.ts";

Deno.test("key spaces keep the tags that are on disk", () => {
  equal([changeSpace, expirySpace, userSpace, requestSpace].join(""), "cekr");
});

Deno.test("userTreeKey() keeps the order of keys, the empty one included", () => {
  const keys = ["", "\0", "a", "a\xff", "b", "\xff"];
  for (let slot = 1; slot < keys.length; slot++) {
    equal(userTreeKey(keys[slot - 1]) < userTreeKey(keys[slot]), true);
  }
  equal(userTreeKey("a"), "ka");
});
