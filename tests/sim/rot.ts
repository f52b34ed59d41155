/**
 * Bit rot: each file of a data folder flipped, cut short or lost, and what the next start makes of
 * it.
 *
 * A case ends in one of these ways, and in no other:
 *
 *  - detected: opening, reading or checking fails or reports it;
 *  - harmless: everything reads as it was;
 *  - tail lost: the log's last frames, which no mark yet calls durable, read as a torn write. A
 *    reader cannot tell the two apart (`storage/log`), so this can happen only to a node that was
 *    killed, only in its log, and only to what its last sync covered;
 *  - segment lost: the newest segment of the log is gone as a whole, with all marks that speak of it.
 *    Nothing before it says that it was ever begun, so what it held is missing, the rest is right.
 *
 * @module
 */
import { AssertionError } from "node:assert/strict";
import { InvariantError, SeededRandom } from "../../storage/env/mod.ts";
import { segmentHeaderSizeBytes } from "../../consensus/segment.ts";
import { DiskImage } from "./disk_image.ts";
import type { Commit } from "./history.ts";
import { History } from "./history.ts";
import { differences } from "./recovered.ts";
import { Scheduler } from "./scheduler.ts";
import { runScript } from "./script.ts";
import { SimClock } from "./sim_clock.ts";
import { SimDisk } from "./sim_disk.ts";
import { SimNode } from "./single_node.ts";

/** A data folder, and what it holds. */
export interface Specimen {
  readonly image: DiskImage;
  readonly commits: readonly Commit[];
  /** How many of the last commits the log may lose unnoticed. */
  readonly tailCount: number;
}

/** One thing done to one file. */
export type Rot =
  | {
    readonly kind: "flip";
    readonly path: string;
    readonly position: number;
    readonly bit: number;
  }
  | { readonly kind: "cut"; readonly path: string; readonly sizeBytes: number }
  | { readonly kind: "lost"; readonly path: string };

/** How a case ended. */
export type RotOutcome = "detected" | "harmless" | "tail_lost" | "segment_lost";

/** Makes a data folder by a script. @param options.isClosed Whether the node was closed or killed. */
export async function makeSpecimen(
  options: { seed: number; commandCount: number; isClosed: boolean },
): Promise<Specimen> {
  const scheduler = new Scheduler();
  const random = new SeededRandom(options.seed);
  const clock = new SimClock(scheduler);
  const disk = new SimDisk(new DiskImage(), { clock, latencyMs: () => 0.2 });
  const node = await scheduler.until(SimNode.open({ disk, scheduler, random }));
  const history = new History();
  const now = () => disk.image.changeCount;
  await runScript({ node, scheduler, history, now }, options);
  const commits = history.explain();
  if (options.isClosed) await scheduler.until(node.node.close());
  const image = disk.image.fork();
  node.kill();
  return { image, commits, tailCount: options.isClosed ? 0 : 10 };
}

/** Does one thing to a copy of the folder, and judges what a start makes of it. */
export async function judge(specimen: Specimen, rot: Rot): Promise<RotOutcome> {
  const image = specimen.image.fork();
  damage(image, rot);
  const scheduler = new Scheduler();
  const disk = new SimDisk(image);
  let read: { lines: string[]; version: number };
  let isReported: boolean;
  try {
    const random = new SeededRandom(1);
    const node = await scheduler.until(SimNode.open({ disk, scheduler, random }));
    read = await scheduler.until(node.read());
    const report = await scheduler.until(node.node.check());
    isReported = report.problems.length > 0 || node.fatal !== undefined;
    await scheduler.until(node.node.close());
  } catch (error) {
    if (error instanceof InvariantError || error instanceof TypeError) throw wrong(rot, error);
    return "detected";
  }
  const { commits, tailCount } = specimen;
  const { lines, version } = read;
  const isState = (count: number) => commits.at(count - 1)?.model.isShown(lines, version) === true;
  if (isState(commits.length)) return isReported ? "detected" : "harmless";
  const isTail = rot.path.endsWith(".log") &&
    Array.from({ length: tailCount }, (_, back) => commits.length - 1 - back).some(isState);
  if (isTail) return "tail_lost";
  const isPrefix = commits.some((_, index) => isState(index + 1));
  if (isPrefix && isNewestSegment(specimen, rot)) return "segment_lost";
  throw wrong(rot, differences(commits.at(-1)?.model.lines(version) ?? [], lines).join("\n"));
}

/** Tells whether the newest segment that holds anything is lost: behind it is at most a spare. */
function isNewestSegment(specimen: Specimen, rot: Rot): boolean {
  const newest = specimen.image.files().filter(({ path, file }) =>
    path.endsWith(".log") && file.current.view().subarray(segmentHeaderSizeBytes).some(Boolean)
  ).at(-1);
  return rot.kind === "lost" && rot.path === newest?.path;
}

function damage(image: DiskImage, rot: Rot): void {
  if (rot.kind === "lost") return image.apply({ kind: "remove", path: rot.path });
  const node = image.find(rot.path);
  if (node?.kind !== "file") throw new TypeError(`${rot.path} is no file`);
  const file = node.number;
  if (rot.kind === "cut") return image.apply({ kind: "resize", file, sizeBytes: rot.sizeBytes });
  const byte = node.current.view()[rot.position] ^ (1 << rot.bit);
  image.apply({ kind: "write", file, position: rot.position, bytes: Uint8Array.of(byte) });
}

function wrong(rot: Rot, reason: unknown): AssertionError {
  const text = reason instanceof Error ? `${reason.message}\n${reason.stack}` : String(reason);
  return new AssertionError({ message: `Wrong after ${JSON.stringify(rot)}:\n${text}` });
}

/** Returns what is done to a file: a flip every `strideBytes`, cuts likewise, and its loss. */
export function rotsOf(
  image: DiskImage,
  options: { strideBytes: (path: string) => number },
): Rot[] {
  const rots: Rot[] = [];
  for (const { path, file } of image.files()) {
    const { sizeBytes } = file.current;
    const stride = options.strideBytes(path);
    for (let position = 0; position < sizeBytes; position += stride) {
      // A stride that is no multiple of 8 brings every bit into play.
      rots.push({ kind: "flip", path, position, bit: (position * 5 + stride) % 8 });
    }
    for (let cut = 0; cut < sizeBytes; cut += stride * 3) {
      rots.push({ kind: "cut", path, sizeBytes: cut });
    }
    rots.push({ kind: "lost", path });
  }
  return rots;
}
