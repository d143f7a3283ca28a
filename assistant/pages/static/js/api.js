// Calls of the web API: JSON in and out, refusals as errors with the sentence of the server.
import { t } from "./i18n.js";

export class Problem extends Error {
  constructor(status, body) {
    super(body.detail || t("The server answered with an error."));
    this.status = status;
    this.body = body;
  }
}

export async function api(method, path, body, options = {}) {
  let response;
  try {
    response = await fetch(`/api/v1/${path}`, {
      method,
      headers: { Accept: "application/json", ...(body === undefined ? {} : { "Content-Type": "application/json" }) },
      body: body === undefined ? undefined : JSON.stringify(body),
      ...options,
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, { detail: t("The appliance cannot be reached. Check the network and try again.") });
  }
  if (response.status === 401) goToSignIn();
  const text = await response.text();
  const answer = text ? parse(text) : {};
  if (!response.ok) throw new Problem(response.status, answer);
  return answer;
}

export function goToSignIn() {
  location.assign(`/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`);
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return { detail: t("The server gave an answer that cannot be read.") };
  }
}
