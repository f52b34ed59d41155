/**
 * The documents that a browser shows: the API's description and the page that leads to it.
 *
 * Plain HTML, with no script and nothing from another host, so that the strictest content security
 * policy holds.
 *
 * @module
 */
import { type ProblemKind, problemKinds } from "../errors.ts";
import { type OperationDescription, operationDescriptions } from "./operations.ts";

/** The policy that goes with the pages. */
export const contentSecurityPolicy =
  "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; " +
  "frame-ancestors 'none'";

const style = `
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
  color: #1c2430; background: #fff }
code { font: 14px/1.4 ui-monospace, monospace }
h2 { margin-top: 2.5rem }
article { border-top: 1px solid #d5dae1; padding: .75rem 0 }
article p { margin: .25rem 0 }
.method { display: inline-block; min-width: 4.5rem; font-weight: 700 }
table { border-collapse: collapse } td, th { text-align: left; padding: .2rem 1rem .2rem 0 }
@media (prefers-color-scheme: dark) { body { color: #dde3ea; background: #14181d }
  a { color: #8ab8ff } article { border-color: #333b45 } }`;

/** Returns the page at `/docs`. */
export function docsPage(): string {
  const operations = Object.values(operationDescriptions).map(operationArticle).join("\n");
  const codes = Object.entries(problemKinds).map(([code, kind]) => problemRow(code, kind));
  return page(
    "Ankylo: the API",
    `<h1>Ankylo: the API</h1>
<p>The same as a document for tools: <a href="/openapi.json">/openapi.json</a></p>
<h2>Requests</h2>
${operations}
<h2>Errors</h2>
<p>Every error is <code>application/problem+json</code> with a stable <code>code</code>.</p>
<table><tr><th>code<th>status<th>meaning<th>again?</tr>
${codes.join("\n")}
</table>`,
  );
}

/** Returns the page at `/`. */
export function homePage(): string {
  return page(
    "Ankylo",
    `<h1>Ankylo</h1>
<p>A node of a key-value database.</p>
<ul>
<li><a href="/docs">The API</a>, also as <a href="/openapi.json">OpenAPI</a>
<li><a href="/v1/status">Status</a>
<li><a href="/metrics">Metrics</a>
</ul>`,
  );
}

function operationArticle(description: OperationDescription): string {
  const parts = [
    `<p><code><span class="method">${description.method.toUpperCase()}</span>${
      escaped(description.path)
    }</code></p>`,
    `<p>${escaped(description.summary)}</p>`,
    listLine("Query", description.query),
    listLine("Headers", description.headers),
    listLine("Body", description.request?.map(({ type, schema }) => bodyName(type, schema))),
    listLine(
      `Answer ${description.status}`,
      description.answer.map(({ type, schema }) => bodyName(type, schema)),
    ),
    listLine("Errors", description.problems),
  ];
  return `<article>${parts.join("")}</article>`;
}

function bodyName(type: string, schema: string | undefined): string {
  return schema === undefined ? type : `${schema} as ${type}`;
}

function listLine(title: string, items: readonly string[] | undefined): string {
  if (items === undefined || items.length === 0) return "";
  return `<p>${title}: ${items.map((item) => `<code>${escaped(item)}</code>`).join(", ")}</p>`;
}

function problemRow(code: string, kind: ProblemKind): string {
  return `<tr id="${code}"><td><code>${code}</code><td>${kind.status}<td>${
    escaped(kind.title)
  }<td>${kind.isRetryable ? "yes" : "no"}</tr>`;
}

function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escaped(title)}</title><style>${style}</style>
<body>${body}</body></html>
`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
