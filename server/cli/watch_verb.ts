/**
 * `ankylo watch`: what happens to keys, as it happens.
 *
 * @module
 */
import { type Command, Option } from "commander";
import { SystemClock } from "../../storage/env/mod.ts";
import type { CliIo } from "./cli_io.ts";
import type { ServerEvent } from "./event_stream.ts";
import { keyBytes, queryOf } from "./key_argument.ts";
import { type OutputForm, shorten, visible } from "./output.ts";
import {
  clientOf,
  moment,
  type ServerVerbOptions,
  wholeNumber,
  withExamples,
  withServer,
} from "./verb_options.ts";
import { WatchFollower } from "./watch_follower.ts";

interface WatchVerbOptions extends ServerVerbOptions {
  readonly prefix?: string;
  readonly key?: string;
  readonly keyBase64?: boolean;
  readonly from?: string;
  readonly prev?: boolean;
  readonly count?: number;
}

/** The fields of an event. */
interface EventData {
  readonly key?: string;
  readonly keyBase64?: string;
  readonly value?: unknown;
  readonly valueBase64?: string;
  readonly versionstamp?: string;
  readonly prev?: EventData | null;
}

const valueLengthMax = 100;

/** Adds the verb to a program. */
export function addWatch(program: Command, io: CliIo): void {
  const command = program
    .command("watch")
    .description("follow changes as they happen, also over lost connections")
    .addOption(new Option("--prefix <prefix>", "only keys that begin so").conflicts("key"))
    .option("--key <key>", "only this key")
    .option("--key-base64", "the prefix or key is given as base64")
    .option("--from <version>", "begin behind this versionstamp or time (RFC 3339)", moment)
    .option("--prev", "with the value before")
    .option("-n, --count <n>", "end after so many events", wholeNumber(1));
  withExamples(withServer(command), [
    "watch --prefix user/",
    "watch --key user/1 --prev --output json",
    "watch --from 2026-11-23T08:00:00Z --count 100",
  ]);
  command.action((options: WatchVerbOptions) => runWatch(io, options));
}

async function runWatch(io: CliIo, options: WatchVerbOptions): Promise<void> {
  const named = (text: string | undefined) =>
    text === undefined ? undefined : keyBytes(text, options.keyBase64 === true);
  const query = queryOf({
    prefix: named(options.prefix),
    key: named(options.key),
    prev: options.prev === true ? "true" : undefined,
  });
  const follower = new WatchFollower(clientOf(io, options), new SystemClock());
  const stop = () => follower.stop();
  let left = options.count ?? Infinity;
  Deno.addSignalListener("SIGINT", stop);
  try {
    await follower.follow({
      path: `/v1/watch${query}`,
      from: options.from,
      take: async (events) => {
        const shown = events.slice(0, left);
        left -= shown.length;
        await io.write(shown.map((event) => lineOf(event, options.output)).join(""));
        return left > 0;
      },
      onCut: (reason) => io.writeError(`connecting again: ${reason}\n`),
    });
  } finally {
    Deno.removeSignalListener("SIGINT", stop);
  }
}

function lineOf({ kind, id, data }: ServerEvent, output: OutputForm): string {
  if (output === "json") {
    // The data goes in as it came: its numbers may have more digits than ours.
    const lead = id === undefined ? "" : `"id":${JSON.stringify(id)},`;
    return `{"kind":${JSON.stringify(kind)},${lead}${data.slice(1)}\n`;
  }
  const { key, keyBase64, versionstamp, prev, ...rest } = JSON.parse(data) as EventData;
  const name = key ?? `base64:${keyBase64}`;
  const before = prev === undefined
    ? ""
    : ` (was ${prev === null ? "nothing" : shownValue(prev).trim()})`;
  const value = kind === "set" ? shownValue(rest) : "";
  return visible(`${versionstamp} ${kind.padEnd(6)} ${name}${value}${before}`) + "\n";
}

function shownValue({ value, valueBase64 }: EventData): string {
  const text = valueBase64 === undefined ? JSON.stringify(value) : `base64:${valueBase64}`;
  return ` ${shorten(text, valueLengthMax)}`;
}
