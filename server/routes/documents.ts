/**
 * `/openapi.json`, `/docs` and `/`: what the API says of itself.
 *
 * The documents are loaded and made when first asked for: the schema library would add to every
 * start of the server.
 *
 * @module
 */
import type { Exchange } from "../middleware/exchange.ts";

const noParameters: ReadonlySet<string> = new Set();

/** The routes of documents. */
export class DocumentRoutes {
  #openApi: string | undefined;

  /** `GET /openapi.json`. */
  readonly openApi = async (exchange: Exchange): Promise<Response> => {
    exchange.parameters(noParameters);
    if (this.#openApi === undefined) {
      const { openApiDocument } = await import("../openapi/document.ts");
      this.#openApi = JSON.stringify(openApiDocument());
    }
    return exchange.answerJson(200, this.#openApi);
  };

  /** `GET /docs`. */
  readonly docs = async (exchange: Exchange): Promise<Response> => {
    exchange.parameters(noParameters);
    const { contentSecurityPolicy, docsPage } = await import("../openapi/page.ts");
    return answerPage(exchange, docsPage(), contentSecurityPolicy);
  };

  /** `GET /`, whatever its query: a browser may add one. */
  readonly home = async (exchange: Exchange): Promise<Response> => {
    const { contentSecurityPolicy, homePage } = await import("../openapi/page.ts");
    return answerPage(exchange, homePage(), contentSecurityPolicy);
  };
}

function answerPage(exchange: Exchange, html: string, policy: string): Response {
  const response = exchange.answer(200, "text/html; charset=utf-8", html);
  response.headers.append("content-security-policy", policy);
  response.headers.append("x-content-type-options", "nosniff");
  return response;
}
