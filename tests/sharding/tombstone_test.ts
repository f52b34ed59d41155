import { deepEqual } from "node:assert/strict";
import { decodeTombstone, encodeTombstone, TombstoneCause } from "../../sharding/tombstone.ts";

Deno.test("encodeTombstone() writes cause and writer as format 1 promises", () => {
  deepEqual([...encodeTombstone(TombstoneCause.deleted, "n/t")], [0, 0x6e, 0x2f, 0x74]);
  deepEqual([...encodeTombstone(TombstoneCause.expired, "")], [1]);
});

Deno.test("decodeTombstone() gives back cause and writer, wherever they stand in a buffer", () => {
  for (const cause of Object.values(TombstoneCause)) {
    for (const writer of ["", "node1/\xc3\xa4"]) {
      const bytes = encodeTombstone(cause, writer);
      const buffer = new Uint8Array(bytes.length + 8).fill(0xee);
      buffer.set(bytes, 3);
      deepEqual(decodeTombstone(buffer, 3, 3 + bytes.length), {
        isExpired: cause === TombstoneCause.expired,
        writer,
      });
    }
  }
});

Deno.test("decodeTombstone() takes no bytes for a delete by nobody", () => {
  deepEqual(decodeTombstone(Uint8Array.of(1, 1), 1, 1), { isExpired: false, writer: "" });
});
