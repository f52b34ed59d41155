/**
 * The versions of a key as the server lists them, page by page.
 *
 * @module
 */
import { historyVersionCountMax } from "../wire/limits.ts";
import type { ApiClient } from "./api_client.ts";
import { keyPath, queryOf } from "./key_argument.ts";

/** What happened to a key at one version. */
export interface HistoryVersion {
  readonly versionstamp: string;
  readonly time: string;
  readonly op: "set" | "delete" | "expire";
  readonly value?: unknown;
  readonly valueBase64?: string;
  readonly contentType?: string | null;
  readonly expiresAt?: string | null;
  readonly node?: string;
  readonly token?: string;
}

/** Some of a key's versions, newest first. */
export interface HistoryPage {
  readonly versions: readonly HistoryVersion[];
  /** The oldest versionstamp that is certainly kept, and its time. */
  readonly oldest: string;
  readonly oldestTime: string;
  /** Where the next page begins; null where there is none. */
  readonly cursor: string | null;
  readonly versionstamp: string;
}

/** Which versions are asked for. */
export interface HistoryRequest {
  readonly key: Uint8Array;
  readonly withValues: boolean;
  /** How many in all; every one where it is left out. */
  readonly limit?: number;
}

const historyRoute = "/v1/history/";

/** Returns the path of a key's history. @throws {CliError} as `keyPath`. */
export function historyPath(key: Uint8Array): string {
  return keyPath(key, historyRoute);
}

/** Yields pages until `limit` versions have come, or all of them. */
export async function* historyPages(
  client: ApiClient,
  request: HistoryRequest,
): AsyncGenerator<HistoryPage> {
  const { key, withValues, limit = Infinity } = request;
  let cursor: string | undefined;
  for (let count = 0; count < limit;) {
    const pageLimit = Math.min(limit - count, historyVersionCountMax);
    const query = queryOf({
      limit: Number.isFinite(limit) ? String(pageLimit) : undefined,
      values: withValues ? undefined : "false",
      cursor,
    });
    const page = await client.json(historyPath(key) + query) as unknown as HistoryPage;
    yield page;
    if (page.cursor === null) return;
    cursor = page.cursor;
    count += page.versions.length;
  }
}
