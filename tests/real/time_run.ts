/**
 * What the steps of the job on time share: the servers one after the other, the places in each of
 * their editions, and what was acknowledged.
 *
 * @module
 */
import { equal } from "node:assert/strict";
import { Api, type BatchResult, inPieces, keyPath, setOperation, versionOf } from "./api.ts";
import { inKeyOrder, type Place, places } from "./places.ts";
import { ServerProcess } from "./server_process.ts";
import { Watcher, type WatcherOptions } from "./watcher.ts";

/** How the job is run. */
export interface TimeRunOptions {
  /** An empty folder. */
  readonly dataDirectory: string;
  /** About how many places, evenly from all; all by default. */
  readonly placeCountMax?: number;
  /** Is told of every step done. */
  onStep(text: string): void;
}

/** When all places were of one edition. */
export interface Moment {
  readonly edition: number;
  /** A versionstamp or an RFC 3339 time. */
  readonly at: string;
}

/** The two who write, by the names that history shows. */
const tokens = { importer: "importer-0123456789", editor: "editor-0123456789" } as const;
/** So small that places of all editions are in tables, and in many. */
const memtableSize = "4MiB";
/** About how many places the country has that is watched; the others that matter are like it. */
const countryPlaceCount = 1_000;
/** How many places one transaction of a round writes. */
const transactionPlaceCount = 5;
/** How far the clocks of two processes may be apart. */
const clockErrorMsMax = 5;
/** Prime: a step of this length through a list visits every place of it once. */
const stride = 104_729;

/** The job as far as it has got. */
export class TimeRun {
  readonly options: TimeRunOptions;
  /** All places in their first edition, in byte order of their keys. */
  readonly base: readonly Place[];
  /** By country. */
  readonly countries: ReadonlyMap<string, readonly Place[]>;
  /** The countries with about a thousand places; the first of them is watched. */
  readonly chosen: readonly string[];
  readonly moments: Moment[] = [];
  readonly watcher: Watcher;
  /** The keys of the watched country that each acknowledged commit wrote. */
  readonly acknowledged = new Map<string, readonly string[]>();
  /** Keys whose write was on its way when the server was killed. */
  readonly unknownKeys = new Set<string>();
  /** The newest versionstamp that was answered. */
  lastVersionstamp = "";
  readonly #server: { current: ServerProcess };

  private constructor(options: TimeRunOptions, server: ServerProcess) {
    this.options = options;
    const all = places(1);
    const step = Math.max(1, Math.ceil(all.length / (options.placeCountMax ?? all.length)));
    this.base = inKeyOrder(all.filter((_, index) => index % step === 0));
    this.countries = Map.groupBy(this.base, ({ country }) => country);
    const distance = (country: string) =>
      Math.abs((this.countries.get(country)?.length ?? 0) - countryPlaceCount);
    this.chosen = [...this.countries.keys()]
      .sort((left, right) => distance(left) - distance(right)).slice(0, 6);
    this.watcher = this.newWatcher({});
    this.#server = { current: server };
  }

  /** Starts the first server. */
  static async start(options: TimeRunOptions): Promise<TimeRun> {
    Deno.mkdirSync(options.dataDirectory, { recursive: true });
    Deno.writeTextFileSync(
      tokenPath(options),
      Object.entries(tokens).map(([name, token]) => `${name}:${token}\n`).join(""),
    );
    return new TimeRun(options, await startServer(options, []));
  }

  get server(): ServerProcess {
    return this.#server.current;
  }

  /** A client as the one who writes places. */
  get importer(): Api {
    return new Api({ url: this.server.url, token: tokens.importer });
  }

  /** A client as the one who works on single keys and on the node. */
  get editor(): Api {
    return new Api({ url: this.server.url, token: tokens.editor });
  }

  get watchedPrefix(): string {
    return `city/${this.chosen[0]}/`;
  }

  /** The places of the watched country that transactions write. */
  get together(): readonly Place[] {
    return this.countries.get(this.chosen[0])?.slice(-transactionPlaceCount) ?? [];
  }

  /** Returns a watch of the same country that is not connected yet. */
  newWatcher(options: Pick<WatcherOptions, "from" | "withPrevious">): Watcher {
    return new Watcher({ ...options, token: tokens.editor, prefix: this.watchedPrefix });
  }

  /** Starts the next server on the same folder. The one before has ended. */
  async restart(serveArguments: readonly string[] = []): Promise<void> {
    this.#server.current = await startServer(this.options, serveArguments);
  }

  /** Returns the places of a list in another edition. */
  edition(edition: number, list: readonly Place[] = this.base): Place[] {
    return list.map((place) => ({ ...place, value: { ...place.value, edition } }));
  }

  /** Returns the places in an order in which those of one country lie far apart. */
  scattered(list: readonly Place[]): Place[] {
    return list.map((_, index) => list[index * stride % list.length]);
  }

  /** Writes places, those of the watched country with a note of their commits. */
  async write(list: readonly Place[]): Promise<void> {
    const { importer } = this;
    await inPieces(list, {
      sizeOfPiece: 500,
      workerCount: 4,
      work: async (piece) => this.note(piece, await importer.batch(piece.map(setOperation))),
    });
  }

  /** Writes all places in an edition, some of them together in one more commit. */
  async writeEdition(edition: number): Promise<void> {
    await this.write(this.scattered(this.edition(edition)));
    await this.writeTogether(edition);
  }

  /** Notes what a batch of writes was answered. */
  note(piece: readonly Place[], results: readonly BatchResult[]): void {
    results.forEach(({ versionstamp = "" }, index) => {
      equal(versionstamp.length, 20, JSON.stringify(results[index]));
      this.noteCommit(versionstamp, [piece[index].key]);
    });
  }

  /** Notes one acknowledged commit. */
  noteCommit(versionstamp: string, keys: readonly string[]): void {
    if (versionstamp > this.lastVersionstamp) this.lastVersionstamp = versionstamp;
    const watched = keys.filter((key) => key.startsWith(this.watchedPrefix));
    if (watched.length > 0) this.acknowledged.set(versionstamp, watched);
  }

  /** Writes some places of the watched country, and one of another, in one commit. */
  async writeTogether(edition: number): Promise<void> {
    const other = this.countries.get(this.chosen[1])?.slice(-1) ?? [];
    const list = this.edition(edition, [...other, ...this.together]);
    const body = { mutations: list.map(setOperation) };
    const { versionstamp } = await this.importer
      .json<{ versionstamp: string }>("POST", "/v1/txn", { body });
    this.noteCommit(versionstamp, list.map(({ key }) => key));
  }

  /** Notes that everything is of one edition now, by the newest commit or by the clock on the wall. */
  async noteMoment(edition: number, by: "versionstamp" | "clock"): Promise<void> {
    let at = this.lastVersionstamp;
    if (by === "clock") {
      // A clock of milliseconds shows the time before commits of the same millisecond.
      const timeMs = await this.#clockBehind(versionOf(at) / 1_000);
      at = new Date(timeMs).toISOString();
      // The clock of the server may be a little late.
      await this.#clockBehind(timeMs + clockErrorMsMax);
    }
    // From now on nothing is committed at that time any more.
    await this.readOne(at);
    this.moments.push({ edition, at });
  }

  /** Reads until the clock on the wall shows a later time, and returns that. */
  async #clockBehind(timeMs: number): Promise<number> {
    while (Date.now() <= timeMs) await this.readOne(this.lastVersionstamp);
    return Date.now();
  }

  /** Reads one place as of a time. */
  async readOne(at: string): Promise<void> {
    const path = `${keyPath(this.base[0].key)}?at=${encodeURIComponent(at)}`;
    await this.importer.json("GET", path);
  }
}

function tokenPath({ dataDirectory }: TimeRunOptions): string {
  return `${dataDirectory}/tokens`;
}

async function startServer(
  options: TimeRunOptions,
  serveArguments: readonly string[],
): Promise<ServerProcess> {
  return await ServerProcess.start({
    dataDirectory: options.dataDirectory,
    arguments: [
      ...["--access-token-file", tokenPath(options), "--memtable-size", memtableSize],
      ...serveArguments,
    ],
  });
}
