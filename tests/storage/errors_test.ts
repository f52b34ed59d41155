import { equal, ok, strictEqual } from "node:assert/strict";
import type { DiskErrorCode } from "../../storage/env/mod.ts";
import { DiskError } from "../../storage/env/mod.ts";
import { asStorageError, StorageError } from "../../storage/errors.ts";

const cases: readonly { code: DiskErrorCode; want: string }[] = [
  { code: "disk_full", want: "disk_full" },
  { code: "io", want: "io" },
  { code: "not_found", want: "io" },
  { code: "already_exists", want: "io" },
  { code: "locked", want: "io" },
];
for (const { code, want } of cases) {
  Deno.test(`asStorageError() of a disk's ${code} is ${want} with the same message`, () => {
    const cause = new DiskError(code, "Cannot write x: planned");
    const error = asStorageError(cause);
    ok(error instanceof StorageError);
    equal(error.code, want);
    equal(error.message, cause.message);
    strictEqual(error.cause, cause);
  });
}

Deno.test("asStorageError() leaves every other error as it is", () => {
  const errors = [new StorageError("corruption", "x"), new RangeError("x"), undefined];
  for (const error of errors) strictEqual(asStorageError(error), error);
});
