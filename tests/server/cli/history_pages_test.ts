import { deepEqual } from "node:assert/strict";
import type { ApiClient } from "../../../server/cli/api_client.ts";
import { historyPages } from "../../../server/cli/history_pages.ts";

/** A client whose pages have two versions each, without end. */
function endless(paths: string[]): ApiClient {
  return {
    json: (path: string) => {
      paths.push(path);
      return Promise.resolve({ versions: [{}, {}], cursor: `c${paths.length}` });
    },
  } as unknown as ApiClient;
}

Deno.test("historyPages() stops once the limit is reached, and passes each cursor on", async () => {
  const paths: string[] = [];
  const request = { key: new TextEncoder().encode("k"), withValues: true, limit: 5 };
  let count = 0;
  for await (const page of historyPages(endless(paths), request)) count += page.versions.length;
  deepEqual(paths, [
    "/v1/history/k?limit=5",
    "/v1/history/k?limit=3&cursor=c1",
    "/v1/history/k?limit=1&cursor=c2",
  ]);
  deepEqual(count, 6);
});
