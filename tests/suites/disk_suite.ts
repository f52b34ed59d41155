/**
 * What every Disk promises, as tests: each implementation runs all of them.
 *
 * @module
 */
import { deepEqual, equal, ok, rejects, throws } from "node:assert/strict";
import type { Disk } from "../../storage/env/mod.ts";
import { DiskError, InvariantError, SeededRandom } from "../../storage/env/mod.ts";

/** A disk made for one test. */
export interface DiskUnderTest {
  /** The disk; `openFileCount` tells whether everything was given back. */
  readonly disk: Disk & { readonly openFileCount: number };
  /** An empty folder on it. */
  readonly root: string;
  /** Cleans up. */
  done(): void;
}

type DiskTest = (under: DiskUnderTest) => void | Promise<void>;

const bytesOf = (...values: number[]) => Uint8Array.from(values);

function failsWith(code: string): (error: unknown) => boolean {
  return (error) => error instanceof DiskError && error.code === code;
}

function isInvariant(error: unknown): boolean {
  return error instanceof InvariantError;
}

/**
 * Registers the suite for one implementation.
 *
 * @param name Its name, as the tests' names begin. @param make Makes an empty disk.
 */
export function diskSuite(name: string, make: () => DiskUnderTest): void {
  for (const [criterion, run] of Object.entries({ ...fileTests, ...nameTests, ...randomTests })) {
    Deno.test(`${name} ${criterion}`, async () => {
      const under = make();
      try {
        await run(under);
        equal(under.disk.openFileCount, 0, "all files are closed");
      } finally {
        under.done();
      }
    });
  }
}

function fill(under: DiskUnderTest, path: string, content: Uint8Array): void {
  const file = under.disk.open(path, "create");
  file.writeSync(content, 0);
  file.close();
}

function contentOf(under: DiskUnderTest, path: string): Uint8Array {
  const file = under.disk.open(path, "read");
  const target = new Uint8Array(file.sizeBytes());
  equal(file.readSync(target, 0), target.length);
  file.close();
  return target;
}

const fileTests: Record<string, DiskTest> = {
  "open() of a name that is not there is not_found": ({ disk, root }) => {
    throws(() => disk.open(`${root}/a`, "read"), failsWith("not_found"));
    throws(() => disk.open(`${root}/a`, "modify"), failsWith("not_found"));
    throws(() => disk.open(`${root}/none/a`, "create"), failsWith("not_found"));
  },

  "open() for create makes or empties, for modify keeps": (under) => {
    const { disk, root } = under;
    fill(under, `${root}/a`, bytesOf(1, 2, 3));
    disk.open(`${root}/a`, "modify").close();
    deepEqual(contentOf(under, `${root}/a`), bytesOf(1, 2, 3));
    disk.open(`${root}/a`, "create").close();
    deepEqual(contentOf(under, `${root}/a`), bytesOf());
  },

  "readSync() returns fewer bytes only at the end": ({ disk, root }) => {
    const file = disk.open(`${root}/a`, "create");
    file.writeSync(bytesOf(1, 2, 3, 4), 0);
    const target = bytesOf(9, 9, 9);
    equal(file.readSync(target, 2), 2);
    deepEqual(target, bytesOf(3, 4, 9));
    equal(file.readSync(target, 4), 0);
    equal(file.readSync(target, 400), 0);
    file.close();
  },

  "writeSync() beyond the end fills the gap with zeros": (under) => {
    const file = under.disk.open(`${under.root}/a`, "create");
    file.writeSync(bytesOf(7), 3);
    equal(file.sizeBytes(), 4);
    file.close();
    deepEqual(contentOf(under, `${under.root}/a`), bytesOf(0, 0, 0, 7));
  },

  "write() and sync() do what writeSync() does": async (under) => {
    const file = under.disk.open(`${under.root}/a`, "create");
    await file.write(bytesOf(1, 2, 3), 0);
    await file.write(bytesOf(8), 1);
    await file.write(bytesOf(), 99);
    await file.sync();
    file.close();
    deepEqual(contentOf(under, `${under.root}/a`), bytesOf(1, 8, 3));
  },

  "two handles of one file see each other's bytes": ({ disk, root }) => {
    const writer = disk.open(`${root}/a`, "create");
    const reader = disk.open(`${root}/a`, "read");
    writer.writeSync(bytesOf(5, 6), 0);
    const target = new Uint8Array(2);
    equal(reader.readSync(target, 0), 2);
    deepEqual(target, bytesOf(5, 6));
    writer.close();
    reader.close();
  },

  "truncate() cuts for good and grows by zeros": (under) => {
    const file = under.disk.open(`${under.root}/a`, "create");
    file.writeSync(bytesOf(1, 2, 3, 4), 0);
    file.truncate(1);
    equal(file.sizeBytes(), 1);
    file.truncate(3);
    file.close();
    deepEqual(contentOf(under, `${under.root}/a`), bytesOf(1, 0, 0));
  },

  "a file opened for reading refuses to be changed": async (under) => {
    const path = `${under.root}/a`;
    fill(under, path, bytesOf(1));
    const file = under.disk.open(path, "read");
    throws(() => file.writeSync(bytesOf(2), 0), failsWith("io"));
    await rejects(file.write(bytesOf(2), 0), failsWith("io"));
    throws(() => file.truncate(0), failsWith("io"));
    file.close();
    deepEqual(contentOf(under, path), bytesOf(1));
  },

  "a closed file takes no calls": async ({ disk, root }) => {
    const file = disk.open(`${root}/a`, "create");
    file.close();
    throws(() => file.close(), isInvariant);
    throws(() => file.readSync(new Uint8Array(1), 0), isInvariant);
    throws(() => file.writeSync(new Uint8Array(1), 0), isInvariant);
    throws(() => file.sizeBytes(), isInvariant);
    throws(() => file.truncate(0), isInvariant);
    await rejects(file.write(new Uint8Array(1), 0), isInvariant);
    await rejects(file.sync(), isInvariant);
  },
};

const nameTests: Record<string, DiskTest> = {
  "rename() replaces its target, and open handles follow their file": (under) => {
    const { disk, root } = under;
    fill(under, `${root}/a`, bytesOf(1));
    fill(under, `${root}/b`, bytesOf(2));
    const source = disk.open(`${root}/a`, "modify");
    const target = disk.open(`${root}/b`, "read");
    disk.rename(`${root}/a`, `${root}/b`);
    source.writeSync(bytesOf(3), 0);
    const seen = new Uint8Array(1);
    target.readSync(seen, 0);
    source.close();
    target.close();
    deepEqual(seen, bytesOf(2), "the replaced file lives while it is open");
    deepEqual(contentOf(under, `${root}/b`), bytesOf(3));
    equal(disk.exists(`${root}/a`), false);
    throws(() => disk.rename(`${root}/a`, `${root}/c`), failsWith("not_found"));
    throws(() => disk.rename(`${root}/b`, `${root}/none/b`), failsWith("not_found"));
    ok(disk.exists(`${root}/b`));
  },

  "remove() takes the name, and open handles keep the file": (under) => {
    const { disk, root } = under;
    fill(under, `${root}/a`, bytesOf(1));
    const file = disk.open(`${root}/a`, "read");
    disk.remove(`${root}/a`);
    equal(disk.exists(`${root}/a`), false);
    const seen = new Uint8Array(1);
    equal(file.readSync(seen, 0), 1);
    file.close();
    throws(() => disk.remove(`${root}/a`), failsWith("not_found"));
  },

  "list() names what is directly inside, in order": (under) => {
    const { disk, root } = under;
    disk.createDirectory(`${root}/m/deep`);
    fill(under, `${root}/z`, bytesOf());
    fill(under, `${root}/a`, bytesOf());
    fill(under, `${root}/m/x`, bytesOf());
    deepEqual(disk.list(root), [
      { name: "a", isDirectory: false },
      { name: "m", isDirectory: true },
      { name: "z", isDirectory: false },
    ]);
    throws(() => disk.list(`${root}/none`), failsWith("not_found"));
  },

  "createDirectory() and removeDirectory() may be repeated": (under) => {
    const { disk, root } = under;
    disk.createDirectory(`${root}/m/deep`);
    disk.createDirectory(`${root}/m/deep`);
    fill(under, `${root}/m/deep/x`, bytesOf(1));
    disk.removeDirectory(`${root}/m`);
    disk.removeDirectory(`${root}/m`);
    equal(disk.exists(`${root}/m/deep/x`), false);
    equal(disk.exists(`${root}/m`), false);
    ok(disk.exists(root));
  },

  "syncDirectory() wants a folder": async ({ disk, root }) => {
    await disk.syncDirectory(root);
    await rejects(disk.syncDirectory(`${root}/none`), failsWith("not_found"));
  },

  "lock() lets one in and leaves a file": ({ disk, root }) => {
    const lock = disk.lock(`${root}/LOCK`);
    throws(() => disk.lock(`${root}/LOCK`), failsWith("locked"));
    lock.release();
    disk.lock(`${root}/LOCK`).release();
    deepEqual(disk.list(root), [{ name: "LOCK", isDirectory: false }]);
    throws(() => disk.lock(`${root}/none/LOCK`), failsWith("not_found"));
  },

  "freeSpaceBytes() is a size, where it is known": ({ disk, root }) => {
    const found = disk.freeSpaceBytes(root);
    ok(found === undefined || found >= 0);
  },
};

const randomTests: Record<string, DiskTest> = {
  "a file behaves as an array of bytes under random calls": async (under) => {
    const random = new SeededRandom(20_261);
    const file = under.disk.open(`${under.root}/a`, "create");
    let model = new Uint8Array(0);
    for (let step = 0; step < 400; step++) {
      const position = random.below(3_000);
      const content = random.bytes(random.below(1_500));
      const choice = random.below(10);
      if (choice < 5) {
        if (content.length > 0) model = written(model, content, position);
        if (choice === 0) await file.write(content, position);
        else file.writeSync(content, position);
      } else if (choice === 5) {
        model = resized(model, position);
        file.truncate(position);
      } else if (choice === 6) {
        await file.sync();
      } else {
        const target = new Uint8Array(content.length);
        const count = file.readSync(target, position);
        deepEqual(target.subarray(0, count), model.slice(position, position + content.length));
      }
      equal(file.sizeBytes(), model.length);
    }
    file.close();
    deepEqual(contentOf(under, `${under.root}/a`), model);
  },
};

function resized(model: Uint8Array, sizeBytes: number): Uint8Array<ArrayBuffer> {
  const target = new Uint8Array(sizeBytes);
  target.set(model.subarray(0, sizeBytes));
  return target;
}

function written(
  model: Uint8Array,
  content: Uint8Array,
  position: number,
): Uint8Array<ArrayBuffer> {
  const target = resized(model, Math.max(model.length, position + content.length));
  target.set(content, position);
  return target;
}
